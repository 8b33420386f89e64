using System.Buffers.Binary;

namespace IvrActors.Edge.Dtls;

/// <summary>A ClientHello as it comes in a record, or a part of one (RFC 6347 4.2.3). Points into the datagram.</summary>
/// <remarks>
/// <code>
/// the message begins: | version 16 | random 256 | session id 8 + … | cookie 8 + … | …
/// </code>
/// </remarks>
internal readonly ref struct HelloFragment
{
    /// <summary>Longest ClientHello: with a key share of ML-KEM one has 1.4 to 1.8 KB.</summary>
    public const int MostHello = 4096;

    private const int RandomEnd = 34, MostSessionId = 32;

    private readonly ReadOnlySpan<byte> _record;

    private HelloFragment(ReadOnlySpan<byte> record) => _record = record;

    /// <summary>Number of the record.</summary>
    public long Sequence => DtlsRecords.SequenceOf(_record);

    /// <summary>The record's version, and of which message of its sender it is a part, how long that is, and from where on.</summary>
    public ReadOnlySpan<byte> Version => _record[1..3];

    public ushort Message => BinaryPrimitives.ReadUInt16BigEndian(_record[(DtlsRecords.HeaderSize + 4)..]);

    public int Length => DtlsRecords.UInt24(_record[(DtlsRecords.HeaderSize + 1)..]);

    public int Offset => DtlsRecords.UInt24(_record[(DtlsRecords.HeaderSize + 6)..]);

    public ReadOnlySpan<byte> Body => _record[(DtlsRecords.HeaderSize + DtlsRecords.MessageHeaderSize)..];

    public bool IsWhole => Body.Length == Length;

    /// <summary>Takes the next record, which must be one of a ClientHello and nothing else.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> datagram, out HelloFragment fragment)
    {
        fragment = default;
        if (!DtlsRecords.TryTake(ref datagram, out var record) || record[0] != DtlsRecords.Handshake || DtlsRecords.EpochOf(record) != 0) return false;
        if (record.Length <= DtlsRecords.HeaderSize + DtlsRecords.MessageHeaderSize || record[DtlsRecords.HeaderSize] != DtlsRecords.ClientHello) return false;
        fragment = new HelloFragment(record);
        var size = DtlsRecords.UInt24(record[(DtlsRecords.HeaderSize + 9)..]);
        return size == fragment.Body.Length && fragment.Length <= MostHello && fragment.Offset + size <= fragment.Length;
    }

    /// <summary>
    /// What a cookie is for, and the cookie. False for a fragment that has not all of it: an honest client's first one has, since both are at most 323 bytes from the beginning.
    /// </summary>
    /// <param name="parameters">Version, random and session id, which a client sends again as they were (RFC 6347 4.2.1).</param>
    public bool TryReadCookie(out ReadOnlySpan<byte> parameters, out ReadOnlySpan<byte> cookie)
    {
        parameters = cookie = default;
        var body = Body;
        if (Offset != 0 || body.Length <= RandomEnd || body[0] != 0xFE || body[1] == 0xFE || body[RandomEnd] > MostSessionId) return false;
        var end = RandomEnd + 1 + body[RandomEnd];
        if (body.Length <= end || body.Length < end + 1 + body[end]) return false;
        parameters = body[..end];
        cookie = body.Slice(end + 1, body[end]);
        return true;
    }
}
