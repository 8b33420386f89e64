using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>Algorithms that are spoken (RFC 8760 2.1), the strongest first.</summary>
public enum DigestAlgorithm
{
    Sha256,

    /// <summary>Only where a trunk asks for it: its passwords fall to a word list sooner.</summary>
    Md5,
}

/// <summary>The hashes of RFC 7616 3.4, as lower-case hex.</summary>
public static class DigestHash
{
    public static string NameOf(DigestAlgorithm algorithm) => algorithm == DigestAlgorithm.Sha256 ? "SHA-256" : "MD5";

    /// <summary>H(A1): what is kept of a password. It is as good as the password in its realm, so it is as secret.</summary>
    public static byte[] Ha1(DigestAlgorithm algorithm, string user, string realm, ReadOnlySpan<char> password)
    {
        var prefix = Encoding.UTF8.GetByteCount(user) + Encoding.UTF8.GetByteCount(realm) + 2;
        var text = new byte[prefix + Encoding.UTF8.GetByteCount(password)];
        try
        {
            Encoding.UTF8.GetBytes($"{user}:{realm}:", text);
            Encoding.UTF8.GetBytes(password, text.AsSpan(prefix));
            return Hex(algorithm, text);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }

    internal static byte[] Hex(DigestAlgorithm algorithm, ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = algorithm == DigestAlgorithm.Sha256 ? SHA256.HashData(text, hash) : MD5.HashData(text, hash);
        var hex = new byte[2 * length];
        Convert.TryToHexStringLower(hash[..length], hex, out _);
        CryptographicOperations.ZeroMemory(hash);
        return hex;
    }
}
