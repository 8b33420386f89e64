using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IvrActors.SystemTests.Harness;

/// <summary>The media side of a phone: hears PCMU on a loopback port, puts the packets in order, and finds prompts in what it heard.</summary>
internal sealed class RtpListener : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly CancellationTokenSource _stop = new();
    private readonly SortedDictionary<uint, byte[]> _heard = [];
    private readonly Task _loop;

    private readonly byte[] _voice;

    /// <param name="address">Null: 127.0.0.1.</param>
    /// <param name="says">Prompt that is said over and over; null: silence.</param>
    public RtpListener(string? address = null, string? says = null)
    {
        _voice = says is null ? [] : PromptAudio.Load(says).Bytes;
        _socket.Bind(new IPEndPoint(address is null ? IPAddress.Loopback : IPAddress.Parse(address), 0));
        _loop = Listen();
    }

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public int Packets
    {
        get { lock (_heard) return _heard.Count; }
    }

    /// <summary>All audio heard so far, in the order of RTP timestamps.</summary>
    public byte[] Audio
    {
        get { lock (_heard) return [.. _heard.Values.SelectMany(payload => payload)]; }
    }

    /// <summary>Whether these prompts were heard, one behind the other, at or after <paramref name="from"/>; gives the place behind the last.</summary>
    public bool Heard(IEnumerable<string> prompts, int from, out int end)
    {
        var audio = Audio.AsSpan();
        end = from;
        foreach (var prompt in prompts)
        {
            var behind = end >= audio.Length ? -1 : PromptAudio.Load(prompt).EndIn(audio[end..]);
            if (behind < 0) return false;
            end += behind;
        }
        return true;
    }

    public bool Heard(params string[] prompts) => Heard(prompts, 0, out _);

    public Task WaitFor(string[] prompts, Func<string>? detail = null) =>
        Eventually.Holds(() => Task.FromResult(Heard(prompts)), "heard " + string.Join(", ", prompts), () => $"{Packets} packets heard; {Recognised()}\n{detail?.Invoke()}");

    /// <summary>The prompts that were heard at all, for a failure's message.</summary>
    public string Recognised()
    {
        var audio = Audio;
        return string.Join(" ", PromptAudio.All.Select(id => (id, end: PromptAudio.Load(id).EndIn(audio)))
            .Where(found => found.end >= 0).OrderBy(found => found.end).Select(found => $"{found.id}@{found.end / 8000.0:0.0}s"));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task Listen()
    {
        var buffer = new byte[2048];
        var said = 0;
        try
        {
            while (true)
            {
                var packet = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                if (packet.ReceivedBytes <= 12 || buffer[0] >> 6 != 2 || (buffer[1] & 0x7f) != 0) continue;
                lock (_heard) _heard[BinaryPrimitives.ReadUInt32BigEndian(buffer.AsSpan(4))] = buffer.AsSpan(12, packet.ReceivedBytes - 12).ToArray();
                // A phone sends as it hears: one packet of silence for each one, so that the call is not taken for dead.
                buffer.AsSpan(12, packet.ReceivedBytes - 12).Fill(0xff);
                for (var i = 12; i < packet.ReceivedBytes && _voice.Length > 0; i++) buffer[i] = _voice[said++ % _voice.Length];
                buffer[8] ^= 0x55;
                await _socket.SendToAsync(buffer.AsMemory(0, packet.ReceivedBytes), packet.RemoteEndPoint, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }
}
