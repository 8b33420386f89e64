using System.Buffers.Binary;
using System.Net;

namespace IvrActors.Edge.Rtp;

/// <summary>An IP address and UDP port as a value, compared and copied without allocation.</summary>
public readonly record struct MediaAddress
{
    public ulong High { get; init; }

    /// <summary>The last 64 bits of an IPv6 address; for IPv4 the address.</summary>
    public ulong Low { get; init; }

    public ushort Port { get; init; }

    public bool IsV6 { get; init; }

    public bool IsNone => Port == 0;

    public bool HasSameIp(MediaAddress other) => High == other.High && Low == other.Low && IsV6 == other.IsV6;

    public static MediaAddress From(IPAddress ip, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        ip.TryWriteBytes(bytes, out var length);
        return length == 16 ? V6(bytes, (ushort)port) : V4(bytes[..4], (ushort)port);
    }

    public static MediaAddress V4(ReadOnlySpan<byte> ip, ushort port) => new() { Low = BinaryPrimitives.ReadUInt32BigEndian(ip), Port = port };

    public static MediaAddress V6(ReadOnlySpan<byte> ip, ushort port) => new()
    {
        High = BinaryPrimitives.ReadUInt64BigEndian(ip),
        Low = BinaryPrimitives.ReadUInt64BigEndian(ip[8..]),
        Port = port,
        IsV6 = true,
    };

    /// <summary>Writes the 4 or 16 bytes of the IP address in network order.</summary>
    public void WriteIp(Span<byte> ip)
    {
        if (!IsV6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(ip, (uint)Low);
            return;
        }
        BinaryPrimitives.WriteUInt64BigEndian(ip, High);
        BinaryPrimitives.WriteUInt64BigEndian(ip[8..], Low);
    }

    public IPEndPoint ToEndPoint()
    {
        Span<byte> ip = stackalloc byte[16];
        WriteIp(ip);
        return new IPEndPoint(new IPAddress(IsV6 ? ip : ip[..4]), Port);
    }
}
