using System.Buffers.Text;
using System.Globalization;
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

    // A name of 256 UTF-8 bytes stays well below it; longer text is not looked at.
    private const int MostCharacters = 1024;

    /// <summary><c>name|role|unix-seconds</c>, base64url, a dot, and the MAC, base64url.</summary>
    /// <exception cref="InvalidOperationException">The role holds a bar: what stands before it would be read as part of the name.</exception>
    public string Sign(ReadOnlySpan<byte> key)
    {
        if (Role.Contains('|', StringComparison.Ordinal)) throw new InvalidOperationException("internal error: a role's name holds no bar");
        var body = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Name}|{Role}|{Expires.ToUnixTimeSeconds()}"));
        return body + "." + Base64Url.EncodeToString(Mac(key, body));
    }

    /// <summary>The token, or null when it is malformed, forged or expired.</summary>
    public static RoleToken? Verify(ReadOnlySpan<byte> key, string text, DateTimeOffset now)
    {
        if (text.Length > MostCharacters) return null;
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0 || !Base64Url.IsValid(text.AsSpan(0, dot)) || !Base64Url.IsValid(text.AsSpan(dot + 1))) return null;
        var body = text[..dot];
        if (!CryptographicOperations.FixedTimeEquals(Mac(key, body), Base64Url.DecodeFromChars(text.AsSpan(dot + 1)))) return null;
        var content = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(body));
        // Read from the end: role and time hold no bar, a name may.
        var afterRole = content.LastIndexOf('|');
        var afterName = afterRole <= 0 ? -1 : content.LastIndexOf('|', afterRole - 1);
        if (afterName < 0 || !long.TryParse(content.AsSpan(afterRole + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return null;
        if (seconds <= now.ToUnixTimeSeconds() || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return null;
        return new RoleToken
        {
            Name = content[..afterName],
            Role = content[(afterName + 1)..afterRole],
            Expires = DateTimeOffset.FromUnixTimeSeconds(seconds),
        };
    }

    private static byte[] Mac(ReadOnlySpan<byte> key, string body) => HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(body));
}

/// <summary>Makes the tokens that edge, sign-in code and operators' requests carry. Given by the composition root.</summary>
public interface IRoleTokens
{
    /// <summary>A signed token for this name and role, valid for a few minutes.</summary>
    string Issue(string name, string role);

    /// <summary>What signs now: another object once that was replaced, so that nobody goes on with a token of the old one.</summary>
    object? Signer => null;
}
