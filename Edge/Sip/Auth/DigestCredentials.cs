using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>What a client proves: the value of an Authorization or Proxy-Authorization header (RFC 7616 3.4).</summary>
internal sealed class DigestCredentials
{
    private const int CountDigits = 8;

    public required string User { get; init; }
    public required string Realm { get; init; }
    public required string Nonce { get; init; }
    public required string Uri { get; init; }
    public required string Response { get; init; }
    public required DigestAlgorithm Algorithm { get; init; }
    public required DigestQop Qop { get; init; }
    public string? ClientNonce { get; init; }
    public uint Count { get; init; }
    public string? Opaque { get; init; }

    /// <summary>Reads a header value; null when it is malformed, speaks another algorithm, or has no qop: without a count it could be replayed.</summary>
    public static DigestCredentials? Read(string value)
    {
        if (DigestFields.Read(value) is not { } fields) return null;
        if (fields["username"] is not { Length: > 0 } user || fields["realm"] is not { } realm || fields["nonce"] is not { } nonce) return null;
        if (fields["uri"] is not { Length: > 0 } uri || fields["response"] is not { } response || fields["cnonce"] is not { Length: > 0 } clientNonce) return null;
        if (DigestHash.AlgorithmOf(fields["algorithm"]) is not { } algorithm) return null;
        if (fields["nc"] is not { Length: CountDigits } text || !uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var count)) return null;
        var qop = fields["qop"]?.ToLowerInvariant() switch { DigestHash.Auth => DigestQop.Auth, DigestHash.AuthInt => DigestQop.AuthInt, _ => DigestQop.None };
        if (qop == DigestQop.None) return null;
        return new DigestCredentials
        {
            User = user,
            Realm = realm,
            Nonce = nonce,
            Uri = uri,
            Response = response,
            Algorithm = algorithm,
            Qop = qop,
            ClientNonce = clientNonce,
            Count = count,
        };
    }

    /// <summary>Whether the response is the one that the owner of this H(A1) makes. Takes the same time whether or not.</summary>
    public bool Proves(ReadOnlySpan<byte> ha1, string method, ReadOnlySpan<byte> body)
    {
        var expected = DigestHash.Response(this, ha1, method, body);
        // A response of another length is wrong at once: its length is no secret.
        var given = new byte[expected.Length];
        if (Response.Length != expected.Length || !Encoding.ASCII.TryGetBytes(Response.ToLowerInvariant(), given, out var written) || written != given.Length) return false;
        return CryptographicOperations.FixedTimeEquals(expected, given);
    }

    /// <summary>Whether they were made for this request: its URI, or that of the same user at the same host with other parameters.</summary>
    public bool IsFor(SipRequest request) => Uri == request.RequestUri.ToString() || (SipUri.TryParse(Uri, out var uri) && uri.IsSip && request.RequestUri.IsSip
        && uri.User == request.RequestUri.User && uri.Port == request.RequestUri.Port && uri.Host.Equals(request.RequestUri.Host, StringComparison.OrdinalIgnoreCase));

    public override string ToString()
    {
        var text = new StringBuilder($"Digest username={DigestFields.Quote(User)}, realm={DigestFields.Quote(Realm)}, nonce={DigestFields.Quote(Nonce)}, uri={DigestFields.Quote(Uri)}");
        text.Append(CultureInfo.InvariantCulture, $", response=\"{Response}\", algorithm={DigestHash.NameOf(Algorithm)}");
        if (Qop != DigestQop.None)
            text.Append(CultureInfo.InvariantCulture, $", qop={(Qop == DigestQop.Auth ? DigestHash.Auth : DigestHash.AuthInt)}, nc={Count:x8}, cnonce={DigestFields.Quote(ClientNonce!)}");
        if (Opaque is not null) text.Append(CultureInfo.InvariantCulture, $", opaque={DigestFields.Quote(Opaque)}");
        return text.ToString();
    }
}
