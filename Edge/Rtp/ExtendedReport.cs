using System.Buffers.Binary;

namespace IvrActors.Edge.Rtp;

/// <summary>The VoIP metrics of one stream, as they stand on the wire (RFC 3611 4.7). Rates and densities are in 1/256, durations and delays in ms.</summary>
/// <param name="Ssrc">The stream that is spoken of.</param>
/// <param name="SignalLevel">dBm0, signed; with noise level and RERL <see cref="Unavailable"/> where it is not measured.</param>
/// <param name="Rating">R of a conversation, 0 to 100; MOS in tenths; <see cref="Unavailable"/> where not known.</param>
/// <param name="ReceiverConfiguration">Concealment (2 bits), kind of jitter buffer (2), rate of its adjustment (4).</param>
public readonly record struct VoipMetrics(
    uint Ssrc, byte LossRate, byte DiscardRate, byte BurstDensity, byte GapDensity, ushort BurstDuration, ushort GapDuration, ushort RoundTripDelay, ushort EndSystemDelay,
    byte SignalLevel, byte NoiseLevel, byte EchoReturnLoss, byte Gmin, byte Rating, byte ExternalRating, byte MosListening, byte MosConversation,
    byte ReceiverConfiguration, ushort JitterBufferNominal, ushort JitterBufferMaximum, ushort JitterBufferAbsoluteMaximum)
{
    public const byte Unavailable = 127;

    /// <summary>What the receiver says of holes: null when it does not (RFC 3611 4.7.6).</summary>
    public Concealment? Concealment => (ReceiverConfiguration >> 6) switch
    {
        3 or 2 => Rtp.Concealment.G711AppendixI,
        1 => Rtp.Concealment.None,
        _ => null,
    };
}

/// <summary>The answer to a receiver reference time (RFC 3611 4.5).</summary>
/// <param name="Ssrc">Whose time it was.</param>
/// <param name="LastReceiverReport">Middle 32 bits of that NTP time.</param>
/// <param name="Delay">Since it came, in 1/65536 s.</param>
public readonly record struct ReferenceTimeAnswer(uint Ssrc, uint LastReceiverReport, uint Delay);

/// <summary>The blocks of an XR packet (RFC 3611) that are used here.</summary>
/// <param name="ReferenceTime">NTP time of a side that sends no media, and so no SR (4.4).</param>
public readonly record struct ExtendedReport(ulong? ReferenceTime, ReferenceTimeAnswer? Answer, VoipMetrics? Voip)
{
    internal const byte PacketType = 207;

    private const byte ReferenceTimeBlock = 4, AnswerBlock = 5, VoipBlock = 7;
    private const int HeadBytes = 8, ReferenceTimeBytes = 12, AnswerBytes = 16, AnswerItemBytes = 12, VoipBytes = 36;

    /// <summary>A packet with all three blocks.</summary>
    public const int MostBytes = HeadBytes + ReferenceTimeBytes + AnswerBytes + VoipBytes;

    /// <summary>Whether there is anything to send.</summary>
    public bool IsEmpty => ReferenceTime is null && Answer is null && Voip is null;

    /// <summary>Writes the blocks behind the 8 bytes of the packet's head. Returns the length of the packet.</summary>
    internal int WriteBlocks(Span<byte> packet)
    {
        var length = HeadBytes;
        if (ReferenceTime is { } time)
        {
            WriteHead(packet[length..], ReferenceTimeBlock, ReferenceTimeBytes);
            BinaryPrimitives.WriteUInt64BigEndian(packet[(length + 4)..], time);
            length += ReferenceTimeBytes;
        }
        if (Answer is { } answer)
        {
            var block = packet[length..];
            WriteHead(block, AnswerBlock, AnswerBytes);
            BinaryPrimitives.WriteUInt32BigEndian(block[4..], answer.Ssrc);
            BinaryPrimitives.WriteUInt32BigEndian(block[8..], answer.LastReceiverReport);
            BinaryPrimitives.WriteUInt32BigEndian(block[12..], answer.Delay);
            length += AnswerBytes;
        }
        if (Voip is { } voip)
        {
            WriteHead(packet[length..], VoipBlock, VoipBytes);
            Write(packet[length..], voip);
            length += VoipBytes;
        }
        return length;
    }

    private static void WriteHead(Span<byte> block, byte type, int length)
    {
        block[0] = type;
        block[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(block[2..], (ushort)(length / 4 - 1));
    }

    // |     BT=7      |   reserved    |       block length = 8        |
    // |                        SSRC of source                         |
    // |   loss rate   | discard rate  | burst density |  gap density  |
    // |       burst duration          |         gap duration          |
    // |     round trip delay          |       end system delay        |
    // | signal level  |  noise level  |     RERL      |     Gmin      |
    // |   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
    // |   RX config   |   reserved    |          JB nominal           |
    // |          JB maximum           |          JB abs max           |
    private static void Write(Span<byte> block, in VoipMetrics m)
    {
        BinaryPrimitives.WriteUInt32BigEndian(block[4..], m.Ssrc);
        (block[8], block[9], block[10], block[11]) = (m.LossRate, m.DiscardRate, m.BurstDensity, m.GapDensity);
        BinaryPrimitives.WriteUInt16BigEndian(block[12..], m.BurstDuration);
        BinaryPrimitives.WriteUInt16BigEndian(block[14..], m.GapDuration);
        BinaryPrimitives.WriteUInt16BigEndian(block[16..], m.RoundTripDelay);
        BinaryPrimitives.WriteUInt16BigEndian(block[18..], m.EndSystemDelay);
        (block[20], block[21], block[22], block[23]) = (m.SignalLevel, m.NoiseLevel, m.EchoReturnLoss, m.Gmin);
        (block[24], block[25], block[26], block[27]) = (m.Rating, m.ExternalRating, m.MosListening, m.MosConversation);
        (block[28], block[29]) = (m.ReceiverConfiguration, 0);
        BinaryPrimitives.WriteUInt16BigEndian(block[30..], m.JitterBufferNominal);
        BinaryPrimitives.WriteUInt16BigEndian(block[32..], m.JitterBufferMaximum);
        BinaryPrimitives.WriteUInt16BigEndian(block[34..], m.JitterBufferAbsoluteMaximum);
    }

    /// <summary>Reads the blocks of a whole XR packet: those that speak of us, and skips the others. False when their lengths do not fit.</summary>
    internal static bool TryReadBlocks(ReadOnlySpan<byte> packet, uint ourSsrc, ref ExtendedReport report)
    {
        if (packet.Length < HeadBytes) return false;
        for (var blocks = packet[HeadBytes..]; !blocks.IsEmpty;)
        {
            if (blocks.Length < 4) return false;
            var length = 4 * (BinaryPrimitives.ReadUInt16BigEndian(blocks[2..]) + 1);
            if (length > blocks.Length) return false;
            var block = blocks[..length];
            switch (block[0])
            {
                case ReferenceTimeBlock when length != ReferenceTimeBytes:
                case VoipBlock when length != VoipBytes:
                case AnswerBlock when (length - 4) % AnswerItemBytes != 0:
                    return false;
                case ReferenceTimeBlock:
                    report = report with { ReferenceTime = BinaryPrimitives.ReadUInt64BigEndian(block[4..]) };
                    break;
                case AnswerBlock:
                    report = report with { Answer = report.Answer ?? FindAnswer(block[4..], ourSsrc) };
                    break;
                case VoipBlock when BinaryPrimitives.ReadUInt32BigEndian(block[4..]) == ourSsrc:
                    report = report with { Voip = Read(block) };
                    break;
            }
            blocks = blocks[length..];
        }
        return true;
    }

    private static ReferenceTimeAnswer? FindAnswer(ReadOnlySpan<byte> items, uint ssrc)
    {
        for (; !items.IsEmpty; items = items[AnswerItemBytes..])
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(items) == ssrc)
                return new ReferenceTimeAnswer(ssrc, BinaryPrimitives.ReadUInt32BigEndian(items[4..]), BinaryPrimitives.ReadUInt32BigEndian(items[8..]));
        }
        return null;
    }

    private static VoipMetrics Read(ReadOnlySpan<byte> b) => new(
        BinaryPrimitives.ReadUInt32BigEndian(b[4..]), b[8], b[9], b[10], b[11], BinaryPrimitives.ReadUInt16BigEndian(b[12..]), BinaryPrimitives.ReadUInt16BigEndian(b[14..]),
        BinaryPrimitives.ReadUInt16BigEndian(b[16..]), BinaryPrimitives.ReadUInt16BigEndian(b[18..]), b[20], b[21], b[22], b[23], b[24], b[25], b[26], b[27], b[28],
        BinaryPrimitives.ReadUInt16BigEndian(b[30..]), BinaryPrimitives.ReadUInt16BigEndian(b[32..]), BinaryPrimitives.ReadUInt16BigEndian(b[34..]));
}
