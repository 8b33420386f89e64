using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IvrActors.Silo.Tracing;

/// <summary>One message in the Homer encapsulation protocol, version 3, for collectors such as Homer and heplify-server.</summary>
/// <remarks><code>
/// packet  "HEP3" length chunk …
/// chunk   vendor (0: generic) type length value     6 bytes and the value; lengths count themselves
/// </code></remarks>
internal static class HepPacket
{
    private const int ChunkHeader = 6, MostPacket = 65_507;
    private const byte Udp = 17, Tcp = 6, Sip = 1;

    /// <summary>Empty when there is no text to send, or it is longer than a datagram can be.</summary>
    /// <param name="agent">Number of the capture agent.</param>
    public static byte[] Of(ShownMessage message, uint agent)
    {
        if (message.Text.Length == 0 || message.Source.AddressFamily != message.Destination.AddressFamily) return [];
        var isV4 = message.Source.AddressFamily == AddressFamily.InterNetwork;
        var since = message.At - DateTimeOffset.UnixEpoch;
        var output = new ArrayBufferWriter<byte>(message.Text.Length + 256);
        output.Write("HEP3\0\0"u8);
        Byte(output, Chunk.Family, (byte)(isV4 ? 2 : 10));
        Byte(output, Chunk.Protocol, message.IsStream ? Tcp : Udp);
        Bytes(output, isV4 ? Chunk.SourceV4 : Chunk.SourceV6, message.Source.Address.GetAddressBytes());
        Bytes(output, isV4 ? Chunk.DestinationV4 : Chunk.DestinationV6, message.Destination.Address.GetAddressBytes());
        Short(output, Chunk.SourcePort, message.Source);
        Short(output, Chunk.DestinationPort, message.Destination);
        Number(output, Chunk.Seconds, (uint)(since.Ticks / TimeSpan.TicksPerSecond));
        Number(output, Chunk.Microseconds, (uint)(since.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond));
        Byte(output, Chunk.PayloadType, Sip);
        Number(output, Chunk.Agent, agent);
        // By it a collector puts the dialogs of one call together.
        if (message.Call.Length > 0) Bytes(output, Chunk.Correlation, Encoding.ASCII.GetBytes(message.Call));
        Bytes(output, Chunk.Node, Encoding.ASCII.GetBytes(message.Edge));
        Bytes(output, Chunk.Payload, Encoding.ASCII.GetBytes(message.Text));
        var packet = output.WrittenSpan.ToArray();
        if (packet.Length > MostPacket) return [];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)packet.Length);
        return packet;
    }

    private enum Chunk : ushort
    {
        Family = 1,
        Protocol = 2,
        SourceV4 = 3,
        DestinationV4 = 4,
        SourceV6 = 5,
        DestinationV6 = 6,
        SourcePort = 7,
        DestinationPort = 8,
        Seconds = 9,
        Microseconds = 10,
        PayloadType = 11,
        Agent = 12,
        Payload = 15,
        Correlation = 17,
        Node = 19,
    }

    private static void Byte(ArrayBufferWriter<byte> output, Chunk type, byte value) => Bytes(output, type, [value]);

    private static void Short(ArrayBufferWriter<byte> output, Chunk type, IPEndPoint end)
    {
        Span<byte> value = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)end.Port);
        Bytes(output, type, value);
    }

    private static void Number(ArrayBufferWriter<byte> output, Chunk type, uint number)
    {
        Span<byte> value = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(value, number);
        Bytes(output, type, value);
    }

    private static void Bytes(ArrayBufferWriter<byte> output, Chunk type, ReadOnlySpan<byte> value)
    {
        var header = output.GetSpan(ChunkHeader);
        BinaryPrimitives.WriteUInt16BigEndian(header, 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)Math.Min(ushort.MaxValue, ChunkHeader + value.Length));
        output.Advance(ChunkHeader);
        output.Write(value);
    }
}
