using System.Security.Cryptography;

namespace IvrActors.Silo.Storage;

/// <summary>
/// AES-256-GCM under one key, with random nonces, for any number of threads: an instance of OpenSSL's serves one at a time, so that each use takes one from those that are idle. Once disposed,
/// which it may be while others use it, it does nothing any more.
/// </summary>
internal sealed class GcmKey : IDisposable
{
    public const int Size = 32;
    public const int NonceSize = 12;
    public const int TagSize = 16;

    // Pinned: the collector leaves no copy behind.
    private readonly byte[] _key = GC.AllocateUninitializedArray<byte>(Size, pinned: true);
    private readonly Lock _gate = new();
    private readonly Stack<Cipher> _idle = new();
    private bool _disposed;

    /// <param name="key">Stays the caller's to zero.</param>
    public GcmKey(ReadOnlySpan<byte> key) => key.CopyTo(_key);

    /// <summary>False when this key was disposed: nothing was written.</summary>
    /// <param name="nonce">Is written, too.</param>
    public bool TryEncrypt(ReadOnlySpan<byte> plain, Span<byte> nonce, Span<byte> cipher, Span<byte> tag, ReadOnlySpan<byte> associated)
    {
        if (Take() is not { } gcm) return false;
        try
        {
            gcm.TakeNonce(nonce);
            gcm.Aes.Encrypt(nonce, plain, cipher, tag, associated);
            return true;
        }
        finally
        {
            Return(gcm);
        }
    }

    /// <summary>False when this key was disposed: nothing is known.</summary>
    /// <param name="isAuthentic">Whether the tag is of this nonce, ciphertext and associated data. Else <paramref name="plain"/> is zeroed.</param>
    public bool TryDecrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> cipher, ReadOnlySpan<byte> tag, Span<byte> plain, ReadOnlySpan<byte> associated, out bool isAuthentic)
    {
        isAuthentic = false;
        if (Take() is not { } gcm) return false;
        try
        {
            gcm.Aes.Decrypt(nonce, cipher, tag, plain, associated);
            isAuthentic = true;
        }
        catch (AuthenticationTagMismatchException)
        {
            // .NET zeroes what it had decrypted.
        }
        finally
        {
            Return(gcm);
        }
        return true;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            CryptographicOperations.ZeroMemory(_key);
            while (_idle.TryPop(out var gcm)) gcm.Aes.Dispose();
        }
    }

    private Cipher? Take()
    {
        lock (_gate)
        {
            if (_disposed) return null;
            return _idle.TryPop(out var gcm) ? gcm : new Cipher(new AesGcm(_key, TagSize));
        }
    }

    private void Return(Cipher gcm)
    {
        lock (_gate)
        {
            if (_disposed) gcm.Aes.Dispose();
            else _idle.Push(gcm);
        }
    }

    /// <summary>For one thread at a time.</summary>
    private sealed class Cipher(AesGcm aes)
    {
        // So many at once: asking for random bytes costs as much as encrypting a row.
        private readonly byte[] _nonces = new byte[32 * NonceSize];
        private int _left;

        public AesGcm Aes => aes;

        public void TakeNonce(Span<byte> nonce)
        {
            if (_left == 0)
            {
                RandomNumberGenerator.Fill(_nonces);
                _left = _nonces.Length;
            }
            _left -= NonceSize;
            _nonces.AsSpan(_left, NonceSize).CopyTo(nonce);
        }
    }
}
