using System.Buffers.Binary;

namespace IvrActors.Edge.Rtp;

/// <summary>Why bytes are no RTP packet. Closed: every received packet is either read or one of these.</summary>
public enum RtpRejection
{
    None = 0,
    TooShort,
    BadVersion,
    BadExtension,
    BadPadding,
}

/// <summary>The header of an RTP packet (RFC 3550 5.1).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
///  |                           timestamp                           |
///  |                             SSRC                              |
///  |                    CSRC list (CC words)                       |
/// </code>
/// </remarks>
public readonly record struct RtpHeader
{
    public const int Size = 12;

    public required byte PayloadType { get; init; }
    public bool Marker { get; init; }
    public required ushort Sequence { get; init; }
    public required uint Timestamp { get; init; }
    public required uint Ssrc { get; init; }

    /// <summary>Bytes before the payload, with CSRCs and extension; 12 for packets of ours.</summary>
    public int Length { get; init; }

    /// <summary>Whether the last byte of the packet counts padding. Read by <see cref="TryGetPayload"/>, after decryption.</summary>
    public bool HasPadding { get; init; }

    public static RtpRejection TryRead(ReadOnlySpan<byte> packet, out RtpHeader header)
    {
        header = default;
        if (packet.Length < Size) return RtpRejection.TooShort;
        if (packet[0] >> 6 != 2) return RtpRejection.BadVersion;

        var length = Size + 4 * (packet[0] & 0x0F);
        if ((packet[0] & 0x10) != 0)
        {
            if (packet.Length < length + 4) return RtpRejection.BadExtension;
            length += 4 + 4 * BinaryPrimitives.ReadUInt16BigEndian(packet[(length + 2)..]);
            if (packet.Length < length) return RtpRejection.BadExtension;
        }
        if (packet.Length < length) return RtpRejection.TooShort;

        header = new RtpHeader
        {
            PayloadType = (byte)(packet[1] & 0x7F),
            Marker = (packet[1] & 0x80) != 0,
            Sequence = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]),
            Timestamp = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]),
            Ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[8..]),
            Length = length,
            HasPadding = (packet[0] & 0x20) != 0,
        };
        return RtpRejection.None;
    }

    /// <summary>The payload of the packet that this header was read from, without padding (in clear, for SRTP).</summary>
    public RtpRejection TryGetPayload(ReadOnlySpan<byte> packet, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (packet.Length < Length) return RtpRejection.TooShort;
        payload = packet[Length..];
        if (!HasPadding) return RtpRejection.None;
        if (payload.IsEmpty || payload[^1] == 0 || payload[^1] > payload.Length) return RtpRejection.BadPadding;
        payload = payload[..^payload[^1]];
        return RtpRejection.None;
    }

    /// <summary>Writes the 12 bytes of a header without CSRC, extension and padding.</summary>
    public void Write(Span<byte> packet)
    {
        packet[0] = 0x80;
        packet[1] = (byte)(PayloadType | (Marker ? 0x80 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], Timestamp);
        BinaryPrimitives.WriteUInt32BigEndian(packet[8..], Ssrc);
    }
}
