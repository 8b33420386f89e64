using System.Buffers.Binary;
using System.Security.Cryptography;

namespace IvrActors.Edge.Srtp;

/// <summary>AES of 128 or 256 bits in counter mode and HMAC-SHA1, cut to the size of the tag (RFC 3711 4.1.1, 4.2.1; RFC 6188).</summary>
internal sealed class CounterModeCipher : SrtpCipher
{
    public const int AuthKeySize = 20;

    private const int BlockSize = 16;

    /// <summary>Counter blocks that are encrypted at once: enough for the 160 bytes of a 20 ms G.711 frame with one call.</summary>
    private const int BatchBlocks = 10;

    private const int HashSize = 20;

    private readonly byte[] _salt;
    private readonly byte[] _counters = new byte[BatchBlocks * BlockSize];
    private readonly byte[] _keystream = new byte[BatchBlocks * BlockSize];
    private readonly Aes _aes;
    private readonly ICryptoTransform _encryptor;
    private readonly IncrementalHash _hmac;

    public CounterModeCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> authKey)
    {
        _salt = salt.ToArray();
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

    public override void Seal(Span<byte> packet, int headerLength, uint ssrc, ulong index, ReadOnlySpan<byte> word, Span<byte> tag)
    {
        Crypt(packet[headerLength..], ssrc, index);
        Authenticate(packet, index, word, tag);
    }

    public override bool Open(Span<byte> packet, int headerLength, uint ssrc, ulong index, ReadOnlySpan<byte> word, ReadOnlySpan<byte> tag)
    {
        Span<byte> expected = stackalloc byte[HashSize];
        expected = expected[..tag.Length];
        Authenticate(packet, index, word, expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, tag)) return false;
        Crypt(packet[headerLength..], ssrc, index);
        return true;
    }

    /// <summary>Encrypts or decrypts in place.</summary>
    internal void Crypt(Span<byte> payload, uint ssrc, ulong index)
    {
        // IV = (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16); the last 16 bits count blocks.
        Span<byte> iv = stackalloc byte[BlockSize];
        iv.Clear();
        _salt.CopyTo(iv);
        BinaryPrimitives.WriteUInt32BigEndian(iv[4..], BinaryPrimitives.ReadUInt32BigEndian(iv[4..]) ^ ssrc);
        BinaryPrimitives.WriteUInt64BigEndian(iv[6..], BinaryPrimitives.ReadUInt64BigEndian(iv[6..]) ^ index);

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

    /// <summary>Over the packet and the index word of SRTCP, or the rollover counter of SRTP, which is not sent (RFC 3711 4.2).</summary>
    private void Authenticate(ReadOnlySpan<byte> packet, ulong index, ReadOnlySpan<byte> word, Span<byte> tag)
    {
        Span<byte> rollovers = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(rollovers, (uint)(index >> 16));
        Span<byte> hash = stackalloc byte[HashSize];
        _hmac.AppendData(packet);
        _hmac.AppendData(word.IsEmpty ? rollovers : word);
        _hmac.GetHashAndReset(hash);
        hash[..tag.Length].CopyTo(tag);
    }

    protected override void Dispose(bool disposing)
    {
        _encryptor.Dispose();
        _aes.Dispose();
        _hmac.Dispose();
        CryptographicOperations.ZeroMemory(_salt);
        CryptographicOperations.ZeroMemory(_keystream);
    }
}
