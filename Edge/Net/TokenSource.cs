using System.Security.Cryptography;

namespace IvrActors.Edge.Net;

/// <summary>Unguessable tokens for tags and branches: 96 bits, so that nobody can speak in a dialog of others (RFC 3261 19.3 asks for 32).</summary>
internal static class TokenSource
{
    private const int Bytes = 12;

    public static string Next()
    {
        Span<byte> random = stackalloc byte[Bytes];
        RandomNumberGenerator.Fill(random);
        return Convert.ToHexStringLower(random);
    }
}
