using System.Buffers.Binary;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// DTLS 1.2 records as they come off the wire (RFC 6347 4.1), before anything is decrypted. What can't be a part of the peer's handshake is taken out here: alerts in
/// clear, which anybody can send, data, and messages of the other role.
/// </summary>
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

    private const byte ChangeCipherSpec = 20, Handshake = 22;

    private const byte ClientHello = 1, ServerHello = 2, HelloVerifyRequest = 3, Certificate = 11, ServerKeyExchange = 12, CertificateRequest = 13,
        ServerHelloDone = 14, CertificateVerify = 15, ClientKeyExchange = 16;

    /// <summary>Whether a datagram on a shared port is DTLS by its first byte (RFC 7983 7).</summary>
    public static bool IsDtls(byte first) => first is >= 20 and <= 63;

    /// <summary>Whether its first record is a ClientHello in clear and whole, as it begins a handshake.</summary>
    public static bool IsClientHello(ReadOnlySpan<byte> datagram) =>
        TryTake(ref datagram, out var record) && record[0] == Handshake && EpochOf(record) == 0 && record.Length > HeaderSize + MessageHeaderSize && record[HeaderSize] == ClientHello;

    /// <summary>The first record's fragment: the same for a message that is sent again, whose record has another number.</summary>
    public static ReadOnlySpan<byte> FragmentOf(ReadOnlySpan<byte> datagram)
    {
        var first = datagram;
        return TryTake(ref datagram, out var record) ? first[HeaderSize..record.Length] : default;
    }

    /// <summary>Copies the records that a handshake may want to <paramref name="output"/>, which is as long as the datagram, and returns their length.</summary>
    /// <param name="fromClient">Whether the peer is the client.</param>
    public static int Keep(ReadOnlySpan<byte> datagram, bool fromClient, Span<byte> output)
    {
        var length = 0;
        while (TryTake(ref datagram, out var record))
        {
            if (!IsWanted(record, fromClient)) continue;
            record.CopyTo(output[length..]);
            length += record.Length;
        }
        return length;
    }

    private static ushort EpochOf(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt16BigEndian(record[3..]);

    private static bool TryTake(ref ReadOnlySpan<byte> datagram, out ReadOnlySpan<byte> record)
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

    private static bool IsWanted(ReadOnlySpan<byte> record, bool fromClient)
    {
        var fragment = record[HeaderSize..];
        return (record[0], EpochOf(record)) switch
        {
            (ChangeCipherSpec, 0) => fragment.Length == 1 && fragment[0] == 1,
            (Handshake, 0) => AreMessages(fragment, fromClient),
            // Finished: encrypted, so that whoever has no key can't make one.
            (Handshake, 1) => fragment.Length >= MessageHeaderSize,
            _ => false,
        };
    }

    private static bool AreMessages(ReadOnlySpan<byte> fragment, bool fromClient)
    {
        if (fragment.IsEmpty) return false;
        while (!fragment.IsEmpty)
        {
            if (fragment.Length < MessageHeaderSize) return false;
            var (length, offset, size) = (UInt24(fragment[1..]), UInt24(fragment[6..]), UInt24(fragment[9..]));
            if (length > MostMessage || offset + size > length || (size == 0 && length > 0) || size > fragment.Length - MessageHeaderSize) return false;
            if (!(fromClient ? IsOfClient(fragment[0]) : IsOfServer(fragment[0]))) return false;
            fragment = fragment[(MessageHeaderSize + size)..];
        }
        return true;
    }

    // A ClientHello begins a handshake and is not a part of one that goes on.
    private static bool IsOfClient(byte type) => type is Certificate or ClientKeyExchange or CertificateVerify;

    private static bool IsOfServer(byte type) => type is ServerHello or HelloVerifyRequest or Certificate or ServerKeyExchange or CertificateRequest or ServerHelloDone;

    private static int UInt24(ReadOnlySpan<byte> bytes) => bytes[0] << 16 | bytes[1] << 8 | bytes[2];
}
