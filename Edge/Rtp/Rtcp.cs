using System.Buffers.Binary;
using System.Text;

namespace IvrActors.Edge.Rtp;

/// <summary>What one source reports about another (RFC 3550 6.4.1).</summary>
/// <param name="Ssrc">The source that is reported on.</param>
/// <param name="FractionLost">In 1/256 since the last report.</param>
/// <param name="CumulativeLost">24 bits, signed.</param>
/// <param name="Jitter">In timestamp units.</param>
/// <param name="LastSenderReport">Middle 32 bits of the NTP time of the last SR, or 0.</param>
/// <param name="DelaySinceLastSenderReport">In 1/65536 s.</param>
public readonly record struct ReportBlock(
    uint Ssrc, byte FractionLost, int CumulativeLost, uint HighestSequence, uint Jitter, uint LastSenderReport, uint DelaySinceLastSenderReport);

/// <summary>The sender's part of an SR.</summary>
/// <param name="NtpTime">Seconds since 1900 in the high, fraction in the low 32 bits.</param>
public readonly record struct SenderInfo(ulong NtpTime, uint RtpTimestamp, uint PacketCount, uint OctetCount);

/// <summary>What a compound RTCP packet said, as far as it is used here.</summary>
/// <param name="Extended">Of XR packets; empty when there was none.</param>
public readonly record struct RtcpReport(uint SenderSsrc, SenderInfo? Sender, ReportBlock? AboutUs, bool Bye, ExtendedReport Extended = default);

/// <summary>Why bytes are no RTCP compound packet.</summary>
public enum RtcpRejection
{
    None = 0,
    TooShort,
    BadVersion,
    NotAReportFirst,
    BadLength,
}

/// <summary>RTCP compound packets: SR or RR first, then SDES with a CNAME, then perhaps XR (RFC 3611) and BYE (RFC 3550 6).</summary>
public static class Rtcp
{
    private const byte SenderReport = 200, ReceiverReport = 201, SourceDescription = 202, Goodbye = 203;

    /// <summary>SR with one block (52) + SDES with a CNAME of at most 32 characters (48) + XR + BYE (8).</summary>
    public const int MostBytes = 108 + ExtendedReport.MostBytes;

    /// <summary>Longest CNAME that is written; ours are 16 random characters (RFC 7022 4.2).</summary>
    public const int MostCnameLength = 32;

    /// <summary>Whether a packet on a shared port is RTCP (RFC 5761 4): packet types 192 to 223.</summary>
    public static bool IsRtcp(ReadOnlySpan<byte> packet) => packet.Length >= 2 && packet[1] is >= 192 and <= 223;

    public static ulong ToNtp(DateTimeOffset utc)
    {
        var ticks = (ulong)(utc - new DateTimeOffset(1900, 1, 1, 0, 0, 0, TimeSpan.Zero)).Ticks;
        var seconds = ticks / TimeSpan.TicksPerSecond;
        return (seconds << 32) | (((ticks % TimeSpan.TicksPerSecond) << 32) / TimeSpan.TicksPerSecond);
    }

    /// <summary>The middle 32 bits of an NTP time, as reports refer to it.</summary>
    public static uint Compact(ulong ntp) => (uint)(ntp >> 16);

    /// <summary>Writes SR (RR when <paramref name="sender"/> is null), SDES, XR when it holds anything and, to take leave, BYE. Returns its length.</summary>
    public static int Write(Span<byte> packet, uint ssrc, SenderInfo? sender, ReportBlock? about, string cname, bool bye, in ExtendedReport extended = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cname.Length, MostCnameLength);
        var length = WriteReport(packet, ssrc, sender, about);
        length += WriteCname(packet[length..], ssrc, cname);
        if (!extended.IsEmpty)
        {
            var blocks = extended.WriteBlocks(packet[length..]);
            WriteHead(packet[length..], 0, ExtendedReport.PacketType, blocks, ssrc);
            length += blocks;
        }
        if (!bye) return length;
        WriteHead(packet[length..], 1, Goodbye, 8, ssrc);
        return length + 8;
    }

    private static int WriteReport(Span<byte> packet, uint ssrc, SenderInfo? sender, ReportBlock? about)
    {
        var length = 8;
        if (sender is { } s)
        {
            BinaryPrimitives.WriteUInt64BigEndian(packet[8..], s.NtpTime);
            BinaryPrimitives.WriteUInt32BigEndian(packet[16..], s.RtpTimestamp);
            BinaryPrimitives.WriteUInt32BigEndian(packet[20..], s.PacketCount);
            BinaryPrimitives.WriteUInt32BigEndian(packet[24..], s.OctetCount);
            length += 20;
        }
        if (about is { } b)
        {
            var block = packet[length..];
            BinaryPrimitives.WriteUInt32BigEndian(block, b.Ssrc);
            BinaryPrimitives.WriteInt32BigEndian(block[4..], Math.Clamp(b.CumulativeLost, -0x800000, 0x7FFFFF) & 0xFFFFFF);
            block[4] = b.FractionLost;
            BinaryPrimitives.WriteUInt32BigEndian(block[8..], b.HighestSequence);
            BinaryPrimitives.WriteUInt32BigEndian(block[12..], b.Jitter);
            BinaryPrimitives.WriteUInt32BigEndian(block[16..], b.LastSenderReport);
            BinaryPrimitives.WriteUInt32BigEndian(block[20..], b.DelaySinceLastSenderReport);
            length += 24;
        }
        WriteHead(packet, about is null ? 0 : 1, sender is null ? ReceiverReport : SenderReport, length, ssrc);
        return length;
    }

    private static int WriteCname(Span<byte> packet, uint ssrc, string cname)
    {
        // Item list: type 1, length, text, then a null byte and padding to 32 bits.
        var length = 8 + (2 + cname.Length + 1 + 3) / 4 * 4;
        packet[8..length].Clear();
        packet[8] = 1;
        packet[9] = (byte)cname.Length;
        Encoding.ASCII.GetBytes(cname, packet[10..]);
        WriteHead(packet, 1, SourceDescription, length, ssrc);
        return length;
    }

    private static void WriteHead(Span<byte> packet, int count, byte type, int length, uint ssrc)
    {
        packet[0] = (byte)(0x80 | count);
        packet[1] = type;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(length / 4 - 1));
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], ssrc);
    }

    /// <summary>Reads a compound packet; <paramref name="ourSsrc"/> picks the block that speaks of us. Checks all lengths (RFC 3550 A.2).</summary>
    public static RtcpRejection TryRead(ReadOnlySpan<byte> packet, uint ourSsrc, out RtcpReport report)
    {
        report = default;
        if (packet.Length < 8) return RtcpRejection.TooShort;
        if (packet[1] is not (SenderReport or ReceiverReport)) return RtcpRejection.NotAReportFirst;

        var senderSsrc = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        SenderInfo? sender = null;
        ReportBlock? aboutUs = null;
        var bye = false;
        var extended = default(ExtendedReport);
        while (!packet.IsEmpty)
        {
            if (packet.Length < 4) return RtcpRejection.BadLength;
            if (packet[0] >> 6 != 2) return RtcpRejection.BadVersion;
            var length = 4 * (BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) + 1);
            if (length > packet.Length) return RtcpRejection.BadLength;
            var one = packet[..length];
            switch (one[1])
            {
                case SenderReport when length < 28 + 24 * (one[0] & 0x1F):
                case ReceiverReport when length < 8 + 24 * (one[0] & 0x1F):
                    return RtcpRejection.BadLength;
                case SenderReport:
                    sender = new SenderInfo(
                        BinaryPrimitives.ReadUInt64BigEndian(one[8..]), BinaryPrimitives.ReadUInt32BigEndian(one[16..]),
                        BinaryPrimitives.ReadUInt32BigEndian(one[20..]), BinaryPrimitives.ReadUInt32BigEndian(one[24..]));
                    aboutUs ??= FindBlock(one[28..], one[0] & 0x1F, ourSsrc);
                    break;
                case ReceiverReport:
                    aboutUs ??= FindBlock(one[8..], one[0] & 0x1F, ourSsrc);
                    break;
                case Goodbye:
                    bye = true;
                    break;
                case ExtendedReport.PacketType when !ExtendedReport.TryReadBlocks(one, ourSsrc, ref extended):
                    return RtcpRejection.BadLength;
            }
            packet = packet[length..];
        }
        report = new RtcpReport(senderSsrc, sender, aboutUs, bye, extended);
        return RtcpRejection.None;
    }

    private static ReportBlock? FindBlock(ReadOnlySpan<byte> blocks, int count, uint ssrc)
    {
        for (var i = 0; i < count; i++)
        {
            var b = blocks[(24 * i)..];
            if (BinaryPrimitives.ReadUInt32BigEndian(b) != ssrc) continue;
            return new ReportBlock(
                ssrc, b[4], BinaryPrimitives.ReadInt32BigEndian(b[4..]) << 8 >> 8, BinaryPrimitives.ReadUInt32BigEndian(b[8..]),
                BinaryPrimitives.ReadUInt32BigEndian(b[12..]), BinaryPrimitives.ReadUInt32BigEndian(b[16..]), BinaryPrimitives.ReadUInt32BigEndian(b[20..]));
        }
        return null;
    }
}
