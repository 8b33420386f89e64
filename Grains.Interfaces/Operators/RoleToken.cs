using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>
/// A short-lived statement "this caller is NAME in ROLE", signed with HMAC-SHA-256 by a process that holds the cluster's token key, and
/// carried in the Orleans request context under <see cref="ContextKey"/>. The incoming call filter checks it.
/// </summary>
public sealed class RoleToken
{
    public const string ContextKey = "ivr.token";

    public required string Name { get; init; }
    public required string Role { get; init; }
    public required DateTimeOffset Expires { get; init; }

    /// <summary><c>name|role|unix-seconds</c>, base64url, a dot, and the MAC, base64url.</summary>
    public string Sign(ReadOnlySpan<byte> key)
    {
        var body = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Name}|{Role}|{Expires.ToUnixTimeSeconds()}"));
        return body + "." + Base64Url.EncodeToString(Mac(key, body));
    }

    /// <summary>The token, or null when it is malformed, forged or expired.</summary>
    public static RoleToken? Verify(ReadOnlySpan<byte> key, string text, DateTimeOffset now)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0 || !Base64Url.IsValid(text.AsSpan(0, dot)) || !Base64Url.IsValid(text.AsSpan(dot + 1))) return null;
        var body = text[..dot];
        if (!CryptographicOperations.FixedTimeEquals(Mac(key, body), Base64Url.DecodeFromChars(text.AsSpan(dot + 1)))) return null;
        var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(body)).Split('|');
        if (parts.Length != 3 || !long.TryParse(parts[2], out var seconds)) return null;
        var expires = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return expires > now ? new RoleToken { Name = parts[0], Role = parts[1], Expires = expires } : null;
    }

    private static byte[] Mac(ReadOnlySpan<byte> key, string body) => HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(body));
}

/// <summary>Makes the tokens that edge, sign-in code and operators' requests carry. Given by the composition root.</summary>
public interface IRoleTokens
{
    /// <summary>A signed token for this name and role, valid for a few minutes.</summary>
    string Issue(string name, string role);
}
