using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Ice;

/// <summary>Numbers of STUN (RFC 8489) and of ICE's attributes (RFC 8445 16.1), and what reading and writing share.</summary>
public static class Stun
{
    public const uint Cookie = 0x2112A442;

    public const ushort BindingRequest = 0x0001, BindingIndication = 0x0011, BindingSuccess = 0x0101, BindingError = 0x0111;

    public const ushort Username = 0x0006, MessageIntegrity = 0x0008, ErrorCode = 0x0009, UnknownAttributes = 0x000A, XorMappedAddress = 0x0020;

    public const ushort Priority = 0x0024, UseCandidate = 0x0025, Fingerprint = 0x8028, IceControlled = 0x8029, IceControlling = 0x802A;

    public const int IntegritySize = 20;

    /// <summary>RFC 8489 14.3: fewer than 509 bytes.</summary>
    public const int MostUsername = 508;

    private const uint FingerprintMask = 0x5354554E; // "STUN"

    private static readonly uint[] s_crc = CrcTable();

    /// <summary>Whether a datagram on a shared port is STUN by its first byte (RFC 7983 7).</summary>
    public static bool IsStun(byte first) => first <= 3;

    /// <summary>The HMAC of MESSAGE-INTEGRITY over a message that is cut before that attribute.</summary>
    internal static void Integrity(IncrementalHash hmac, ReadOnlySpan<byte> before, Span<byte> output)
    {
        Span<byte> head = stackalloc byte[4];
        before[..2].CopyTo(head);
        BinaryPrimitives.WriteUInt16BigEndian(head[2..], (ushort)(before.Length - StunMessage.HeaderSize + 4 + IntegritySize));
        hmac.AppendData(head);
        hmac.AppendData(before[4..]);
        hmac.GetHashAndReset(output);
    }

    /// <summary>RFC 8489 14.7: CRC-32 of the message before the attribute, whose length already ends behind it.</summary>
    internal static uint FingerprintOf(ReadOnlySpan<byte> before)
    {
        var crc = uint.MaxValue;
        foreach (var b in before) crc = s_crc[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc ^ FingerprintMask;
    }

    // 0, family, X-Port, X-Address (RFC 8489 14.2).
    internal static bool TryReadAddress(ReadOnlySpan<byte> value, ReadOnlySpan<byte> transaction, out MediaAddress address)
    {
        address = default;
        var v6 = value.Length == 20;
        if ((!v6 && value.Length != 8) || value[1] != (v6 ? 2 : 1)) return false;
        Span<byte> ip = stackalloc byte[16];
        value[4..].CopyTo(ip);
        Mask(ip[..(value.Length - 4)], transaction);
        var port = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(value[2..]) ^ (Cookie >> 16));
        address = v6 ? MediaAddress.V6(ip, port) : MediaAddress.V4(ip[..4], port);
        return true;
    }

    internal static void Mask(Span<byte> ip, ReadOnlySpan<byte> transaction)
    {
        Span<byte> mask = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(mask, Cookie);
        transaction.CopyTo(mask[4..]);
        for (var i = 0; i < ip.Length; i++) ip[i] ^= mask[i];
    }

    // The polynomial of ITU-T V.42, reflected.
    private static uint[] CrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ 0xEDB88320;
            table[i] = value;
        }
        return table;
    }
}
