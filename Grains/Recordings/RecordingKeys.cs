using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Grains.Recordings;

/// <summary>
/// Wraps the data key of a recording: AES-256-GCM under HKDF-SHA-256 (RFC 5869) of the caller's key and the recording's share, with the recording's id as associated data.
/// Both halves are needed, so destroying either shreds the recording. The random nonce is used with a key of its own for each recording.
/// </summary>
internal static class RecordingKeys
{
    public const int KeySize = 32;

    private const int NonceSize = 12;
    private const int TagSize = 16;
    private static readonly byte[] s_info = "ivr recording v1"u8.ToArray();

    public static byte[] Wrap(ReadOnlySpan<byte> callerKey, ReadOnlySpan<byte> share, RecordingId recording, ReadOnlySpan<byte> key)
    {
        var wrapped = new byte[NonceSize + KeySize + TagSize];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, NonceSize));
        Span<byte> wrapping = stackalloc byte[KeySize];
        Derive(callerKey, share, wrapping);
        using var gcm = new AesGcm(wrapping, TagSize);
        CryptographicOperations.ZeroMemory(wrapping);
        gcm.Encrypt(wrapped.AsSpan(0, NonceSize), key, wrapped.AsSpan(NonceSize, KeySize), wrapped.AsSpan(NonceSize + KeySize), Encoding.UTF8.GetBytes(recording.Value));
        return wrapped;
    }

    /// <summary>Null: another key, another recording, or altered.</summary>
    public static Secret<byte>? Unwrap(ReadOnlySpan<byte> callerKey, ReadOnlySpan<byte> share, RecordingId recording, ReadOnlySpan<byte> wrapped)
    {
        if (wrapped.Length != NonceSize + KeySize + TagSize) return null;
        Span<byte> wrapping = stackalloc byte[KeySize];
        Derive(callerKey, share, wrapping);
        using var gcm = new AesGcm(wrapping, TagSize);
        CryptographicOperations.ZeroMemory(wrapping);
        var key = new byte[KeySize];
        try
        {
            gcm.Decrypt(wrapped[..NonceSize], wrapped.Slice(NonceSize, KeySize), wrapped[(NonceSize + KeySize)..], key, Encoding.UTF8.GetBytes(recording.Value));
            return new Secret<byte>(key);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static void Derive(ReadOnlySpan<byte> callerKey, ReadOnlySpan<byte> share, Span<byte> wrapping) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, callerKey, wrapping, share, s_info);
}
