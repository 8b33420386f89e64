using System.Buffers.Binary;
using System.Buffers.Text;
using System.Net;
using System.Net.Sockets; // AddressFamily only.
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>What a nonce that came back is.</summary>
internal enum NonceState
{
    /// <summary>Not made here for this source and realm.</summary>
    Foreign,

    /// <summary>Ours, and too old.</summary>
    Expired,
    Valid,
}

/// <summary>
/// Nonces that need no memory: what a nonce was made for and when stands in it, under a key (RFC 7616 3.3). Nobody who only asks for
/// challenges can fill a table.
/// <code>
///  0        8               24                      40
/// +--------+---------------+-----------------------+   base64url
/// | time   | random        | HMAC-SHA-256/128      |
/// +--------+---------------+-----------------------+
/// </code>
/// </summary>
/// <param name="key">Secret of this process, 32 random bytes. The key of a nonce is derived from it for the quarter of an hour in which it was made.</param>
/// <param name="random">Gives 16 random bytes.</param>
internal sealed class NonceMint(byte[] key, Action<Span<byte>> random)
{
    /// <summary>How long a nonce can be answered: a phone answers in a second, and a captured answer should be worthless soon.</summary>
    public const long Lifetime = 60 * TimeSpan.TicksPerSecond;

    private const long KeyPeriod = 15 * TimeSpan.TicksPerMinute;
    private const int RandomAt = 8;
    private const int TagAt = 24;
    private const int Bytes = 40;

    public string Make(long now, IPAddress source, string realm)
    {
        Span<byte> nonce = stackalloc byte[Bytes];
        BinaryPrimitives.WriteInt64BigEndian(nonce, now);
        random(nonce[RandomAt..TagAt]);
        Tag(nonce[..TagAt], now, source, realm, nonce[TagAt..]);
        return Base64Url.EncodeToString(nonce);
    }

    /// <param name="id">Names this nonce in a table, when it is ours.</param>
    public NonceState Check(long now, string nonce, IPAddress source, string realm, out UInt128 id)
    {
        id = default;
        Span<byte> bytes = stackalloc byte[Bytes];
        Span<byte> tag = stackalloc byte[Bytes - TagAt];
        if (nonce.Length != Base64Url.GetEncodedLength(Bytes) || !Base64Url.TryDecodeFromChars(nonce, bytes, out var length) || length != Bytes) return NonceState.Foreign;
        var made = BinaryPrimitives.ReadInt64BigEndian(bytes);
        if (made < 0 || made > now) return NonceState.Foreign;
        Tag(bytes[..TagAt], made, source, realm, tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, bytes[TagAt..])) return NonceState.Foreign;
        id = BinaryPrimitives.ReadUInt128BigEndian(bytes[RandomAt..]);
        return now - made <= Lifetime ? NonceState.Valid : NonceState.Expired;
    }

    private void Tag(ReadOnlySpan<byte> head, long made, IPAddress source, string realm, Span<byte> tag)
    {
        Span<byte> period = stackalloc byte[sizeof(long)];
        Span<byte> derived = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(period, made / KeyPeriod);
        HMACSHA256.HashData(key, period, derived);
        // The length of the source keeps it apart from the realm.
        var prefix = PrefixOf(source);
        byte[] bound = [.. head, (byte)prefix.Length, .. prefix, .. Encoding.UTF8.GetBytes(realm)];
        HMACSHA256.HashData(derived, bound, hash);
        hash[..tag.Length].CopyTo(tag);
    }

    /// <summary>An IPv4 address, or the /64 of an IPv6 one: privacy addresses of one host change within it.</summary>
    private static byte[] PrefixOf(IPAddress source)
    {
        if (source.IsIPv4MappedToIPv6) source = source.MapToIPv4();
        var bytes = source.GetAddressBytes();
        return source.AddressFamily == AddressFamily.InterNetwork ? bytes : bytes[..8];
    }
}
