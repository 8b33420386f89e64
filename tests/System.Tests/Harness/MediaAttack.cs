using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace IvrActors.SystemTests.Harness;

/// <summary>
/// Somebody without the key who knows a call's port, SSRC and sequence numbers: 10,000 datagrams a second for at most a minute. Keys and voice as plain RTP, and SRTP whose tags
/// are forged: audio, keys, and RTCP that says good-bye.
/// </summary>
internal sealed class MediaAttack : IDisposable
{
    /// <summary>Loopback, but not where the call's own media come from.</summary>
    public const string From = "127.0.0.66";

    private const int PerMillisecond = 10, MostMilliseconds = 60_000;
    private const byte Audio = 0, Event = 101, KeyNine = 9, ByeReport = 203;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly byte[] _ssrc;
    private readonly byte[] _voice = PromptAudio.Load("welcome").Bytes;
    private readonly Random _random = new(1);
    private readonly Thread _thread;
    private ushort _sequence;
    private int _sent;
    private volatile bool _stopped;

    /// <param name="heard">A packet of the call, to the port that is attacked.</param>
    public MediaAttack(Datagram heard)
    {
        _ssrc = heard.Ssrc.ToArray();
        _sequence = BinaryPrimitives.ReadUInt16BigEndian(heard.Bytes.AsSpan(2));
        _socket.Bind(new IPEndPoint(IPAddress.Parse(From), 0));
        _socket.Connect(IPAddress.Loopback, heard.To);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public int Sent => Volatile.Read(ref _sent);

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Run()
    {
        var clock = Stopwatch.StartNew();
        while (!_stopped && clock.ElapsedMilliseconds < MostMilliseconds)
        {
            var due = PerMillisecond * clock.ElapsedMilliseconds;
            for (; _sent < due && !_stopped; Volatile.Write(ref _sent, _sent + 1)) Send(_sent);
            Thread.Sleep(1);
        }
    }

    private void Send(int number)
    {
        var packet = (number % 5) switch
        {
            0 => Packet(Audio, 160 + 10, secret: true),
            1 => Packet(Event, 4 + 10, secret: true),
            2 => Packet(Audio, 160, secret: false),
            3 => Packet(Event, 4, secret: false),
            _ => Packet(ByeReport, 34, secret: true),
        };
        try
        {
            _socket.Send(packet);
        }
        catch (SocketException)
        {
            // The call has ended, and with it the port.
        }
    }

    private byte[] Packet(byte type, int size, bool secret)
    {
        var packet = new byte[12 + size];
        packet[0] = 0x80;
        packet[1] = type;
        // Around where the call is: ahead, behind, and by the SSRC of nobody.
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)(_sequence++ + _random.Next(-100, 1000)));
        _random.NextBytes(packet.AsSpan(4, 4));
        if (_random.Next(4) > 0) _ssrc.CopyTo(packet, 8);
        else _random.NextBytes(packet.AsSpan(8, 4));
        if (secret) _random.NextBytes(packet.AsSpan(12));
        else if (type == Event) new byte[] { KeyNine, 0x8a, 0x03, 0x20 }.CopyTo(packet, 12);
        else _voice.AsSpan(_random.Next(_voice.Length - size), size).CopyTo(packet.AsSpan(12));
        return packet;
    }
}
