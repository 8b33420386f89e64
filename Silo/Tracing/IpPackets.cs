using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IvrActors.Silo.Tracing;

/// <summary>
/// The packets in which a message could have travelled, so that programs that read pcap files show it: IP, and UDP or TCP, with right lengths and checksums. They are made up: the edge
/// sees messages, not packets. What came encrypted stands in clear TCP with port 5060, else programs would try to decrypt it.
/// </summary>
/// <remarks><code>
/// IPv4 (RFC 791)  45 00 length id 4000 40 protocol checksum source destination        20 bytes
/// IPv6 (RFC 8200) 60000000 length next 40 source destination                          40 bytes
/// UDP (RFC 768)   source destination length checksum                                   8 bytes
/// TCP (RFC 9293)  source destination sequence acknowledgement 5018 ffff checksum 0000 20 bytes
/// </code></remarks>
internal sealed class IpPackets
{
    private const int V4Header = 20, V6Header = 40, UdpHeader = 8, TcpHeader = 20;
    private const byte Udp = 17, Tcp = 6, HopLimit = 64;
    private const int SipPort = 5060;

    /// <summary>What fits into the length of an IPv4 packet with UDP.</summary>
    private const int MostDatagram = 65_535 - V4Header - UdpHeader;

    /// <summary>A segment; larger messages have several.</summary>
    private const int MostSegment = 32_768;

    /// <summary>Streams whose position is known; above it they begin anew.</summary>
    private const int MostStreams = 10_000;

    private readonly Dictionary<(IPEndPoint, IPEndPoint), uint> _sent = [];
    private ushort _id;

    /// <summary>None when there is no text, or it is longer than a datagram can be.</summary>
    public IEnumerable<byte[]> Of(ShownMessage message)
    {
        var text = Encoding.ASCII.GetBytes(message.Text);
        if (text.Length == 0 || message.Local.AddressFamily != message.Remote.AddressFamily) return [];
        var (source, destination) = Ends(message);
        if (message.IsStream) return Segments(source, destination, text);
        return text.Length > MostDatagram ? [] : [Packet(source, destination, Udp, UdpOf(source, destination, text))];
    }

    /// <summary>Of an encrypted stream, and of a WebSocket, the listening end is given SIP's port.</summary>
    private static (IPEndPoint Source, IPEndPoint Destination) Ends(ShownMessage message)
    {
        if (message.Transport is "UDP" or "TCP") return (message.Source, message.Destination);
        var listener = message.OpenedByEdge ? message.Remote : message.Local;
        return (As(message.Source), As(message.Destination));

        IPEndPoint As(IPEndPoint end) => ReferenceEquals(end, listener) ? new IPEndPoint(end.Address, SipPort) : end;
    }

    private List<byte[]> Segments(IPEndPoint source, IPEndPoint destination, byte[] text)
    {
        if (_sent.Count > MostStreams) _sent.Clear();
        var packets = new List<byte[]>();
        for (var at = 0; at < text.Length; at += MostSegment)
        {
            var data = text.AsSpan(at, Math.Min(MostSegment, text.Length - at));
            var sequence = _sent.GetValueOrDefault((source, destination), 1u);
            packets.Add(Packet(source, destination, Tcp, TcpOf(source, destination, sequence, _sent.GetValueOrDefault((destination, source), 1u), data)));
            _sent[(source, destination)] = sequence + (uint)data.Length;
        }
        return packets;
    }

    private static byte[] UdpOf(IPEndPoint source, IPEndPoint destination, ReadOnlySpan<byte> data)
    {
        var datagram = new byte[UdpHeader + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), (ushort)destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        data.CopyTo(datagram.AsSpan(UdpHeader));
        var sum = Checksum(source, destination, Udp, datagram);
        // RFC 768: a sum of 0 is sent as its other form, because 0 means none.
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), sum == 0 ? (ushort)0xFFFF : sum);
        return datagram;
    }

    private static byte[] TcpOf(IPEndPoint source, IPEndPoint destination, uint sequence, uint acknowledged, ReadOnlySpan<byte> data)
    {
        const ushort PushAndAck = 0x5018; // Five words of header, PSH and ACK.
        var segment = new byte[TcpHeader + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)destination.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), acknowledged);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(12), PushAndAck);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), ushort.MaxValue);
        data.CopyTo(segment.AsSpan(TcpHeader));
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), Checksum(source, destination, Tcp, segment));
        return segment;
    }

    private byte[] Packet(IPEndPoint source, IPEndPoint destination, byte protocol, byte[] content)
    {
        var isV4 = source.AddressFamily == AddressFamily.InterNetwork;
        var header = isV4 ? V4Header : V6Header;
        var packet = new byte[header + content.Length];
        if (isV4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet, 0x4500);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), _id++);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), 0x4000); // Don't fragment.
            (packet[8], packet[9]) = (HopLimit, protocol);
            source.Address.TryWriteBytes(packet.AsSpan(12), out _);
            destination.Address.TryWriteBytes(packet.AsSpan(16), out _);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Fold(Sum(packet.AsSpan(0, V4Header))));
        }
        else
        {
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)content.Length);
            (packet[6], packet[7]) = (protocol, HopLimit);
            source.Address.TryWriteBytes(packet.AsSpan(8), out _);
            destination.Address.TryWriteBytes(packet.AsSpan(24), out _);
        }
        content.CopyTo(packet, header);
        return packet;
    }

    /// <summary>RFC 1071 over the pseudo header (addresses, length, protocol) and the datagram, whose own sum is still 0.</summary>
    private static ushort Checksum(IPEndPoint source, IPEndPoint destination, byte protocol, ReadOnlySpan<byte> content) =>
        Fold(Sum(source.Address.GetAddressBytes()) + Sum(destination.Address.GetAddressBytes()) + protocol + (uint)content.Length + Sum(content));

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..]) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.Length == 1 ? sum + ((uint)bytes[0] << 8) : sum;
    }

    private static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
