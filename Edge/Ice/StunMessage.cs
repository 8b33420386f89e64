using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Ice;

/// <summary>Why bytes are no STUN message that is looked at further. Closed.</summary>
public enum StunRejection
{
    None = 0,
    TooShort,

    /// <summary>The first two bits are not zero, the cookie is not there, or the length is not the datagram's.</summary>
    NotStun,
    BadAttribute,
    BadFingerprint,
}

/// <summary>A STUN message as it was read (RFC 8489 5). Points into the datagram.</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
/// |0 0|     message type          |            length             |
/// |                    magic cookie 0x2112A442                    |
/// |                  transaction id (96 bits) …                   |
/// | attribute type | length | value, padded to 32 bits | …
/// </code>
/// </remarks>
public readonly ref struct StunMessage
{
    public const int HeaderSize = 20;

    /// <summary>Unknown attributes that a 420 names; whoever sends more than these is not helped by a longer list.</summary>
    public const int MostUnknown = 4;

    private readonly ReadOnlySpan<byte> _whole;
    private readonly int _integrityAt;

    private StunMessage(ReadOnlySpan<byte> whole, Found found)
    {
        _whole = whole;
        _integrityAt = found.IntegrityAt;
        Username = found.Username;
        UsesCandidate = found.UsesCandidate;
        IsControlling = found.IsControlling;
        IsControlled = found.IsControlled;
        HasFingerprint = found.HasFingerprint;
        Unknown = found.Unknown;
        UnknownCount = found.UnknownCount;
        Mapped = found.Mapped;
        ErrorCode = found.ErrorCode;
    }

    public ushort Type => BinaryPrimitives.ReadUInt16BigEndian(_whole);

    public ReadOnlySpan<byte> Transaction => _whole.Slice(8, 12);

    public ReadOnlySpan<byte> Username { get; }

    public bool UsesCandidate { get; }

    public bool IsControlling { get; }

    public bool IsControlled { get; }

    public bool HasFingerprint { get; }

    public bool HasIntegrity => _integrityAt > 0;

    /// <summary>XOR-MAPPED-ADDRESS, in clear; none when it is absent.</summary>
    public MediaAddress Mapped { get; }

    /// <summary>ERROR-CODE, or 0.</summary>
    public int ErrorCode { get; }

    /// <summary>Comprehension-required attributes that are not known here (RFC 8489 14), at most <see cref="MostUnknown"/>, 16 bits each.</summary>
    public ulong Unknown { get; }

    public int UnknownCount { get; }

    /// <summary>Checks MESSAGE-INTEGRITY (RFC 8489 14.5): HMAC-SHA1 over what stands before it, with a length that ends behind it.</summary>
    /// <param name="hmac">Keyed with the password.</param>
    public bool IsAuthentic(IncrementalHash hmac)
    {
        if (!HasIntegrity) return false;
        Span<byte> expected = stackalloc byte[Stun.IntegritySize];
        Stun.Integrity(hmac, _whole[.._integrityAt], expected);
        return CryptographicOperations.FixedTimeEquals(expected, _whole.Slice(_integrityAt + 4, Stun.IntegritySize));
    }

    public static StunRejection TryRead(ReadOnlySpan<byte> datagram, out StunMessage message)
    {
        message = default;
        if (datagram.Length < HeaderSize) return StunRejection.TooShort;
        if (datagram[0] > 0x3F || BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]) != Stun.Cookie) return StunRejection.NotStun;
        var length = BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        if (length % 4 != 0 || length != datagram.Length - HeaderSize) return StunRejection.NotStun;

        var found = default(Found);
        for (var at = HeaderSize; at < datagram.Length;)
        {
            // FINGERPRINT is the last attribute (RFC 8489 14.7).
            if (found.HasFingerprint || datagram.Length - at < 4) return StunRejection.BadAttribute;
            var type = BinaryPrimitives.ReadUInt16BigEndian(datagram[at..]);
            var size = BinaryPrimitives.ReadUInt16BigEndian(datagram[(at + 2)..]);
            if (size > datagram.Length - at - 4) return StunRejection.BadAttribute;
            var rejection = found.Read(datagram, at, type, datagram.Slice(at + 4, size));
            if (rejection != StunRejection.None) return rejection;
            at += 4 + (size + 3) / 4 * 4;
        }
        message = new StunMessage(datagram, found);
        return StunRejection.None;
    }

    private ref struct Found
    {
        public ReadOnlySpan<byte> Username;
        public bool UsesCandidate;
        public bool IsControlling;
        public bool IsControlled;
        public bool HasFingerprint;
        public int IntegrityAt;
        public ulong Unknown;
        public int UnknownCount;
        public MediaAddress Mapped;
        public int ErrorCode;

        public StunRejection Read(ReadOnlySpan<byte> datagram, int at, ushort type, ReadOnlySpan<byte> value)
        {
            if (type == Stun.Fingerprint)
            {
                if (value.Length != 4 || BinaryPrimitives.ReadUInt32BigEndian(value) != Stun.FingerprintOf(datagram[..at])) return StunRejection.BadFingerprint;
                HasFingerprint = true;
                return StunRejection.None;
            }
            // What follows MESSAGE-INTEGRITY is not protected by it, and is ignored (RFC 8489 14.5).
            if (IntegrityAt > 0) return StunRejection.None;
            switch (type)
            {
                case Stun.MessageIntegrity when value.Length == Stun.IntegritySize:
                    IntegrityAt = at;
                    break;
                case Stun.Username when value.Length <= Stun.MostUsername:
                    Username = value;
                    break;
                case Stun.UseCandidate when value.IsEmpty:
                    UsesCandidate = true;
                    break;
                case Stun.IceControlling when value.Length == 8:
                    IsControlling = true;
                    break;
                case Stun.IceControlled when value.Length == 8:
                    IsControlled = true;
                    break;
                case Stun.XorMappedAddress when Stun.TryReadAddress(value, datagram.Slice(8, 12), out var mapped):
                    Mapped = mapped;
                    break;
                case Stun.ErrorCode when value.Length >= 4:
                    ErrorCode = (value[2] & 7) * 100 + value[3];
                    break;
                case Stun.Priority when value.Length == 4:
                case Stun.UnknownAttributes:
                    break;
                case Stun.MessageIntegrity or Stun.Username or Stun.UseCandidate or Stun.IceControlling or Stun.IceControlled or Stun.XorMappedAddress or Stun.ErrorCode or Stun.Priority:
                    return StunRejection.BadAttribute;
                case < 0x8000:
                    if (UnknownCount < MostUnknown) Unknown |= (ulong)type << (16 * UnknownCount++);
                    break;
            }
            return StunRejection.None;
        }
    }
}
