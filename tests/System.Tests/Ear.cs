using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IvrActors.SystemTests;

/// <summary>A UDP port that hears the RTP of one call: G.711 µ-law, put in the order of sequence numbers.</summary>
internal sealed class Ear : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 100, ReceiveBufferSize = 1 << 20 };
    private readonly SortedDictionary<uint, byte[]> _packets = [];
    private readonly Thread _thread;
    private volatile bool _stopped;
    private uint _cycles;
    private ushort _last;

    public Ear()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _thread = new Thread(Listen) { IsBackground = true };
        _thread.Start();
    }

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public int Packets
    {
        get
        {
            lock (_packets) return _packets.Count;
        }
    }

    /// <summary>All audio so far.</summary>
    public byte[] Audio
    {
        get
        {
            lock (_packets) return [.. _packets.Values.SelectMany(p => p)];
        }
    }

    /// <summary>Whether these prompts were heard, one directly behind the other, every byte of them.</summary>
    public bool Heard(params string[] prompts) => Audio.AsSpan().IndexOf(prompts.SelectMany(Repository.Prompt).ToArray()) >= 0;

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Listen()
    {
        var buffer = new byte[2048];
        while (!_stopped)
        {
            int length;
            try
            {
                length = _socket.Receive(buffer);
            }
            catch (SocketException)
            {
                continue;
            }
            // Version 2, no padding, extension or sources, payload type 0, 20 ms.
            if (length != 12 + 160 || buffer[0] != 0x80 || (buffer[1] & 0x7F) != 0) continue;
            var sequence = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(2));
            if (sequence < 0x1000 && _last > 0xF000) _cycles += 0x10000;
            _last = sequence;
            lock (_packets) _packets.TryAdd(_cycles + sequence, buffer.AsSpan(12, 160).ToArray());
        }
    }
}
