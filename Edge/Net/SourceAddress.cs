using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace IvrActors.Edge.Net;

/// <summary>A source address as a number (IPv4 as <c>::ffff:a.b.c.d</c>) and its port, read without allocation.</summary>
internal readonly record struct SourceAddress(UInt128 Bits, int Port)
{
    private const int AfInet6PortOffset = 2;
    private static readonly UInt128 s_mapped = (UInt128)0xFFFF << 32;

    /// <summary>What limits are counted by: an IPv4 address, or the /64 that one IPv6 customer has.</summary>
    public UInt128 Prefix => IsMapped(Bits) ? Bits : Bits >> 64 << 64;

    public IPEndPoint ToEndPoint()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Bits);
        return new IPEndPoint(IsMapped(Bits) ? new IPAddress(bytes[12..]) : new IPAddress(bytes), Port);
    }

    /// <summary>Reads what a socket filled in: family, port in network order, then the address (IPv6 after a flow label).</summary>
    public static SourceAddress Of(SocketAddress address)
    {
        var bytes = address.Buffer.Span;
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[AfInet6PortOffset..]);
        return address.Family == AddressFamily.InterNetwork
            ? new SourceAddress(s_mapped | BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]), port)
            : new SourceAddress(BinaryPrimitives.ReadUInt128BigEndian(bytes[8..]), port);
    }

    public static SourceAddress Of(IPEndPoint endPoint) => new(BitsOf(endPoint.Address), endPoint.Port);

    public static UInt128 BitsOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? s_mapped | BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>Whether it is an IPv4 address.</summary>
    public static bool IsMapped(UInt128 bits) => bits >> 32 == 0xFFFF;
}
