using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Edge.Srtp;

/// <summary>
/// AES-128 in counter mode and HMAC-SHA1-80 under the session keys of one direction of SRTP or SRTCP (RFC 3711 4.1.1, 4.2.1, 4.3).
/// Allocates nothing per packet. Not safe for several threads at once.
/// </summary>
public sealed class SrtpCipher : IDisposable
{
    public const int TagSize = 10;

    private const int BlockSize = 16;

    /// <summary>Counter blocks that are encrypted at once: enough for the 160 bytes of a 20 ms G.711 frame with one call.</summary>
    private const int BatchBlocks = 10;

    private const int AuthKeySize = 20;

    private readonly byte[] _salt = new byte[SrtpMasterKey.SaltSize];
    private readonly byte[] _counters = new byte[BatchBlocks * BlockSize];
    private readonly byte[] _keystream = new byte[BatchBlocks * BlockSize];
    private readonly Aes _aes;
    private readonly ICryptoTransform _encryptor;
    private readonly IncrementalHash _hmac;

    private SrtpCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> authKey)
    {
        salt.CopyTo(_salt);
        _aes = Aes.Create();
        _aes.SetKey(key);
        // ECB over the counter blocks is the keystream of counter mode, which the platform does not offer; nothing is encrypted in ECB itself.
#pragma warning disable CA5358
        _aes.Mode = CipherMode.ECB;
#pragma warning restore CA5358
        _aes.Padding = PaddingMode.None;
        _encryptor = _aes.CreateEncryptor();
        _hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, authKey);
    }

    /// <summary>Labels 0, 1, 2 of RFC 3711 4.3.2.</summary>
    public static SrtpCipher ForRtp(SrtpMasterKey master) => Derived(master, 0);

    /// <summary>Labels 3, 4, 5.</summary>
    public static SrtpCipher ForRtcp(SrtpMasterKey master) => Derived(master, 3);

    /// <summary>Takes the key and salt as those of the session, without derivation: for the keystream vectors of RFC 3711 B.2.</summary>
    internal static SrtpCipher WithSessionKey(SrtpMasterKey session) =>
        new(session.Expose()[..SrtpMasterKey.KeySize], session.Expose()[SrtpMasterKey.KeySize..], session.Expose());

    private static SrtpCipher Derived(SrtpMasterKey master, byte firstLabel)
    {
        Span<byte> keys = stackalloc byte[SrtpMasterKey.KeySize + AuthKeySize + SrtpMasterKey.SaltSize];
        var key = keys[..SrtpMasterKey.KeySize];
        var authKey = keys.Slice(SrtpMasterKey.KeySize, AuthKeySize);
        var salt = keys[^SrtpMasterKey.SaltSize..];
        DeriveKey(master, firstLabel, key);
        DeriveKey(master, (byte)(firstLabel + 1), authKey);
        DeriveKey(master, (byte)(firstLabel + 2), salt);
        var cipher = new SrtpCipher(key, salt, authKey);
        CryptographicOperations.ZeroMemory(keys);
        return cipher;
    }

    /// <summary>RFC 3711 4.3.1 with a key derivation rate of 0: AES-CM keystream under the master key, from (label at byte 7) XOR master salt.</summary>
    internal static void DeriveKey(SrtpMasterKey master, byte label, Span<byte> key)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> output = stackalloc byte[BlockSize];
        block.Clear();
        master.Expose()[SrtpMasterKey.KeySize..].CopyTo(block);
        block[7] ^= label;
        using var aes = Aes.Create();
        aes.SetKey(master.Expose()[..SrtpMasterKey.KeySize]);
        for (ushort i = 0; !key.IsEmpty; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(block[14..], i);
#pragma warning disable CA5358 // One block of keystream.
            aes.EncryptEcb(block, output, PaddingMode.None);
#pragma warning restore CA5358
            var count = Math.Min(BlockSize, key.Length);
            output[..count].CopyTo(key);
            key = key[count..];
        }
        CryptographicOperations.ZeroMemory(output);
    }

    /// <summary>Encrypts or decrypts in place. <paramref name="index"/> is the 48-bit packet index, or the 31-bit SRTCP index.</summary>
    public void Crypt(Span<byte> payload, uint ssrc, ulong index)
    {
        // IV = (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16); the last 16 bits count blocks.
        Span<byte> iv = stackalloc byte[BlockSize];
        iv.Clear();
        _salt.CopyTo(iv);
        BinaryPrimitives.WriteUInt32BigEndian(iv[4..], BinaryPrimitives.ReadUInt32BigEndian(iv[4..]) ^ ssrc);
        BinaryPrimitives.WriteUInt64BigEndian(iv[6..], BinaryPrimitives.ReadUInt64BigEndian(iv[6..]) ^ (index & 0xFFFF_FFFF_FFFF));

        ushort block = 0;
        while (!payload.IsEmpty)
        {
            var blocks = Math.Min(BatchBlocks, (payload.Length + BlockSize - 1) / BlockSize);
            for (var i = 0; i < blocks; i++)
            {
                var counter = _counters.AsSpan(i * BlockSize, BlockSize);
                iv.CopyTo(counter);
                BinaryPrimitives.WriteUInt16BigEndian(counter[14..], block++);
            }
            _encryptor.TransformBlock(_counters, 0, blocks * BlockSize, _keystream, 0);
            var count = Math.Min(payload.Length, blocks * BlockSize);
            for (var i = 0; i < count; i++) payload[i] ^= _keystream[i];
            payload = payload[count..];
        }
    }

    /// <summary>HMAC-SHA1 over <paramref name="authenticated"/> and <paramref name="trailer"/> (the ROC; nothing for SRTCP), cut to 80 bits.</summary>
    public void Tag(ReadOnlySpan<byte> authenticated, ReadOnlySpan<byte> trailer, Span<byte> tag)
    {
        Span<byte> whole = stackalloc byte[20];
        _hmac.AppendData(authenticated);
        if (!trailer.IsEmpty) _hmac.AppendData(trailer);
        _hmac.GetHashAndReset(whole);
        whole[..TagSize].CopyTo(tag);
    }

    public bool Verify(ReadOnlySpan<byte> authenticated, ReadOnlySpan<byte> trailer, ReadOnlySpan<byte> tag)
    {
        Span<byte> expected = stackalloc byte[TagSize];
        Tag(authenticated, trailer, expected);
        return CryptographicOperations.FixedTimeEquals(expected, tag);
    }

    public void Dispose()
    {
        _encryptor.Dispose();
        _aes.Dispose();
        _hmac.Dispose();
        CryptographicOperations.ZeroMemory(_salt);
        CryptographicOperations.ZeroMemory(_keystream);
    }
}
