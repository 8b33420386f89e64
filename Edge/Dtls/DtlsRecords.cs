using System.Buffers.Binary;

namespace IvrActors.Edge.Dtls;

/// <summary>DTLS 1.2 records as they come off the wire (RFC 6347 4.1, 4.2.2), before anything is decrypted.</summary>
/// <remarks>
/// <code>
/// | type 8 | version 16 | epoch 16 | sequence 48 | length 16 | fragment …
/// handshake: | type 8 | length 24 | sequence 16 | fragment offset 24 | fragment length 24 | …
/// </code>
/// </remarks>
internal static class DtlsRecords
{
    public const int HeaderSize = 13, MessageHeaderSize = 12;

    /// <summary>Longest handshake message; a chain of certificates that is longer proves no more than its first one.</summary>
    public const int MostMessage = 8192;

    public const byte ChangeCipherSpec = 20, Handshake = 22;

    public const byte ClientHello = 1, HelloVerifyRequest = 3;

    /// <summary>Whether a datagram on a shared port is DTLS by its first byte (RFC 7983 7).</summary>
    public static bool IsDtls(byte first) => first is >= 20 and <= 63;

    /// <summary>Whether its first record is a ClientHello in clear, as it begins a handshake, or a fragment of one.</summary>
    public static bool IsClientHello(ReadOnlySpan<byte> datagram) =>
        TryTake(ref datagram, out var record) && record[0] == Handshake && EpochOf(record) == 0 && record.Length > HeaderSize + MessageHeaderSize && record[HeaderSize] == ClientHello;

    /// <summary>The first record's fragment: the same for a message that is sent again, whose record has another number.</summary>
    public static ReadOnlySpan<byte> FragmentOf(ReadOnlySpan<byte> datagram)
    {
        var first = datagram;
        return TryTake(ref datagram, out var record) ? first[HeaderSize..record.Length] : default;
    }

    /// <summary>Whether a record is there that only the end of a flight has: Finished, encrypted.</summary>
    public static bool HasFinished(ReadOnlySpan<byte> datagram)
    {
        while (TryTake(ref datagram, out var record))
        {
            if (record[0] == Handshake && EpochOf(record) == 1) return true;
        }
        return false;
    }

    internal static ushort EpochOf(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt16BigEndian(record[3..]);

    internal static bool TryTake(ref ReadOnlySpan<byte> datagram, out ReadOnlySpan<byte> record)
    {
        record = default;
        if (datagram.Length < HeaderSize) return false;
        // DTLS 1.0 (also of every HelloVerifyRequest) or 1.2.
        if (datagram[1] != 0xFE || datagram[2] is not (0xFF or 0xFD)) return false;
        var length = HeaderSize + BinaryPrimitives.ReadUInt16BigEndian(datagram[11..]);
        if (length > datagram.Length) return false;
        record = datagram[..length];
        datagram = datagram[length..];
        return true;
    }

    internal static long SequenceOf(ReadOnlySpan<byte> record) => (long)(BinaryPrimitives.ReadUInt64BigEndian(record[3..]) & 0xFFFF_FFFF_FFFF);

    internal static int UInt24(ReadOnlySpan<byte> bytes) => bytes[0] << 16 | bytes[1] << 8 | bytes[2];
}
