using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>Algorithms that are spoken (RFC 8760 2.1), the strongest first.</summary>
public enum DigestAlgorithm
{
    Sha256,

    /// <summary>Only where a trunk asks for it: passwords behind it fall to a word list sooner.</summary>
    Md5,
}

/// <summary>The hashes of RFC 7616 3.4, as lower-case hex in ASCII.</summary>
public static class DigestHash
{
    internal const string Auth = "auth";
    internal const string AuthInt = "auth-int";

    public static string NameOf(DigestAlgorithm algorithm) => algorithm == DigestAlgorithm.Sha256 ? "SHA-256" : "MD5";

    /// <summary>The algorithm of this name, MD5 where none stands (RFC 7616 3.3), or null: -sess variants and SHA-512-256 are not spoken.</summary>
    internal static DigestAlgorithm? AlgorithmOf(string? name) => name?.ToUpperInvariant() switch
    {
        "SHA-256" => DigestAlgorithm.Sha256,
        "MD5" or null => DigestAlgorithm.Md5,
        _ => null,
    };

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

    /// <summary>The response for these credentials (RFC 7616 3.4.1).</summary>
    internal static byte[] Response(DigestCredentials credentials, ReadOnlySpan<byte> ha1, string method, ReadOnlySpan<byte> body)
    {
        var algorithm = credentials.Algorithm;
        var a2 = $"{method}:{credentials.Uri}";
        if (credentials.Qop == DigestQop.AuthInt) a2 += ":" + Encoding.ASCII.GetString(Hex(algorithm, body));
        var ha2 = Encoding.ASCII.GetString(Hex(algorithm, Encoding.Latin1.GetBytes(a2)));
        var tail = credentials.Qop == DigestQop.None
            ? $":{credentials.Nonce}:{ha2}"
            : $":{credentials.Nonce}:{credentials.Count:x8}:{credentials.ClientNonce}:{(credentials.Qop == DigestQop.Auth ? Auth : AuthInt)}:{ha2}";
        var text = new byte[ha1.Length + tail.Length];
        try
        {
            ha1.CopyTo(text);
            // Received text is Latin-1, byte for byte.
            Encoding.Latin1.GetBytes(tail, text.AsSpan(ha1.Length));
            return Hex(algorithm, text);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }

    private static byte[] Hex(DigestAlgorithm algorithm, ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = algorithm == DigestAlgorithm.Sha256 ? SHA256.HashData(text, hash) : MD5.HashData(text, hash);
        var hex = new byte[2 * length];
        Convert.TryToHexStringLower(hash[..length], hex, out _);
        CryptographicOperations.ZeroMemory(hash);
        return hex;
    }
}
