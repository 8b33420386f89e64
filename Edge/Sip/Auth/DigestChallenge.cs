namespace IvrActors.Edge.Sip.Auth;

/// <summary>One challenge: the value of a WWW-Authenticate or Proxy-Authenticate header (RFC 7616 3.3, RFC 8760 2).</summary>
internal sealed class DigestChallenge
{
    public required string Realm { get; init; }
    public required string Nonce { get; init; }
    public required DigestAlgorithm Algorithm { get; init; }
    public string? Opaque { get; init; }

    /// <summary>Whether only the nonce of the last answer was wrong.</summary>
    public bool Stale { get; init; }

    /// <summary>What it offers to protect; none is a server of RFC 2069.</summary>
    public required DigestQop Qop { get; init; }

    /// <summary>Reads a header value; null when it is malformed or asks for what we do not speak (another scheme, algorithm or quality).</summary>
    public static DigestChallenge? Read(string value)
    {
        if (DigestFields.Read(value) is not { } fields || fields["realm"] is not { } realm || fields["nonce"] is not { Length: > 0 } nonce) return null;
        if (DigestHash.AlgorithmOf(fields["algorithm"]) is not { } algorithm) return null;
        var qop = DigestQop.None;
        if (fields["qop"] is { } offered)
        {
            var words = offered.Split(',', StringSplitOptions.TrimEntries);
            if (words.Contains(DigestHash.Auth, StringComparer.OrdinalIgnoreCase)) qop = DigestQop.Auth;
            else if (words.Contains(DigestHash.AuthInt, StringComparer.OrdinalIgnoreCase)) qop = DigestQop.AuthInt;
            else return null;
        }
        return new DigestChallenge
        {
            Realm = realm,
            Nonce = nonce,
            Algorithm = algorithm,
            Opaque = fields["opaque"],
            Stale = string.Equals(fields["stale"], "true", StringComparison.OrdinalIgnoreCase),
            Qop = qop,
        };
    }

    /// <summary>A challenge of ours. Algorithm and stale are tokens, realm, nonce and qop are quoted (RFC 3261 25.1).</summary>
    public static string Write(string realm, string nonce, DigestAlgorithm algorithm, bool stale) =>
        $"Digest realm={DigestFields.Quote(realm)}, nonce=\"{nonce}\", algorithm={DigestHash.NameOf(algorithm)}, qop=\"auth\"{(stale ? ", stale=true" : "")}";
}

/// <summary>Quality of protection (RFC 7616 3.4.3).</summary>
internal enum DigestQop
{
    /// <summary>RFC 2069: neither a count nor a nonce of the client.</summary>
    None,
    Auth,

    /// <summary>The body as well.</summary>
    AuthInt,
}
