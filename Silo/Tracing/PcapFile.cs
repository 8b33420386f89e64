using System.Buffers.Binary;

namespace IvrActors.Silo.Tracing;

/// <summary>Writes packets in the format of libpcap, which Wireshark, tshark and sngrep read. Each is on its way to the disk when it was written: a trace ends by a key press, too.</summary>
/// <remarks><code>
/// file    d4c3b2a1 2 4 0 0 snaplen linktype     24 bytes, little endian
/// packet  seconds microseconds length length    16 bytes, then the packet
/// </code></remarks>
internal sealed class PcapFile : IDisposable
{
    private const uint Magic = 0xA1B2C3D4;
    private const int HeaderBytes = 24, RecordBytes = 16, MostPacket = 262_144;

    /// <summary>LINKTYPE_RAW: the packet begins with its IP header, whose first half byte tells the version.</summary>
    private const uint RawIp = 101;

    private readonly Stream _output;
    private readonly IpPackets _packets = new();

    public PcapFile(Stream output)
    {
        _output = output;
        Span<byte> header = stackalloc byte[HeaderBytes];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], MostPacket);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], RawIp);
        _output.Write(header);
        _output.Flush();
    }

    public void Write(ShownMessage message)
    {
        var (seconds, rest) = Math.DivRem((message.At - DateTimeOffset.UnixEpoch).Ticks, TimeSpan.TicksPerSecond);
        Span<byte> record = stackalloc byte[RecordBytes];
        foreach (var packet in _packets.Of(message))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)seconds);
            BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)(rest / TimeSpan.TicksPerMicrosecond));
            BinaryPrimitives.WriteUInt32LittleEndian(record[8..], (uint)packet.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(record[12..], (uint)packet.Length);
            _output.Write(record);
            _output.Write(packet);
        }
        _output.Flush();
    }

    public void Dispose() => _output.Dispose();
}
