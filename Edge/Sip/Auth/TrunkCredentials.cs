using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>
/// Answers challenges with the password of one trunk's way out (RFC 3261 22.2): only to that trunk, only over TLS where its proxy is reached so,
/// and in one realm only, so that nobody else can have our password hashed for a nonce of their choice (the digest leak).
/// </summary>
/// <param name="newToken">Gives an unguessable text for cnonce.</param>
public sealed class TrunkCredentials(EdgeTrunk trunk, Func<string> newToken) : IChallengeResponder
{
    /// <summary>Challenges that are looked at.</summary>
    private const int MostChallenges = 8;

    /// <summary>Nonces whose count is remembered; a proxy gives a new one now and then.</summary>
    private const int MostNonces = 16;

    private readonly OutboundRoute _route = trunk.Outbound ?? throw new ArgumentException("internal error: credentials of a trunk without a way out", nameof(trunk));
    private readonly Dictionary<string, uint> _counts = new(StringComparer.Ordinal);

    /// <summary>
    /// The realm that is answered. Where the trunk names none it is that of the first challenge: the proxy is known by its certificate, and one
    /// that changes its realm later is misconfigured or somebody else's.
    /// </summary>
    private string? _realm = trunk.Outbound?.Realm;

    public bool TryAnswer(SipRequest request, SipResponse challenge, SipPeer from, out KeyValuePair<string, string> header)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(challenge);
        ArgumentNullException.ThrowIfNull(from);
        header = default;
        if (from.Trunk != trunk || (_route.IsSecure && !from.IsSecure) || _route is not { User: { } user, Password: { } password }) return false;
        var (name, answerName) = challenge.Status == 401 ? ("WWW-Authenticate", "Authorization") : ("Proxy-Authenticate", "Proxy-Authorization");
        if (Strongest(challenge.Headers.All(name)) is not { } best || WasRefused(request, answerName, best)) return false;
        _realm ??= best.Realm;
        var ha1 = DigestHash.Ha1(best.Algorithm, user, best.Realm, password.Expose());
        try
        {
            header = new(answerName, Answer(request, best, user, ha1).ToString());
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(ha1);
        }
        return true;
    }

    /// <summary>The strongest that may be answered, whatever the order in which they are offered.</summary>
    private DigestChallenge? Strongest(IEnumerable<string> values)
    {
        DigestChallenge? best = null;
        foreach (var value in values.Take(MostChallenges))
        {
            if (DigestChallenge.Read(value) is not { } challenge || (_realm is not null && challenge.Realm != _realm)) continue;
            // Without qop (RFC 2069) only peers of the age of MD5 ask.
            if (!_route.Md5 && (challenge.Algorithm == DigestAlgorithm.Md5 || challenge.Qop == DigestQop.None)) continue;
            if (best is null || challenge.Algorithm < best.Algorithm) best = challenge;
        }
        return best;
    }

    /// <summary>Whether this nonce was answered in that very request: then the password is wrong, and no second answer makes it right.</summary>
    private static bool WasRefused(SipRequest request, string name, DigestChallenge challenge) =>
        !challenge.Stale && request.Headers.All(name).Any(value => DigestFields.Read(value)?["nonce"] == challenge.Nonce);

    private DigestCredentials Answer(SipRequest request, DigestChallenge challenge, string user, byte[] ha1)
    {
        var count = challenge.Qop == DigestQop.None ? 0 : NextCount(challenge.Nonce);
        var clientNonce = challenge.Qop == DigestQop.None ? null : newToken();
        DigestCredentials With(string response) => new()
        {
            User = user,
            Realm = challenge.Realm,
            Nonce = challenge.Nonce,
            Uri = request.RequestUri.ToString(),
            Response = response,
            Algorithm = challenge.Algorithm,
            Qop = challenge.Qop,
            ClientNonce = clientNonce,
            Count = count,
            Opaque = challenge.Opaque,
        };
        return With(System.Text.Encoding.ASCII.GetString(DigestHash.Response(With(""), ha1, request.Method, request.Body.Span)));
    }

    private uint NextCount(string nonce)
    {
        if (!_counts.ContainsKey(nonce) && _counts.Count >= MostNonces) _counts.Clear();
        return _counts[nonce] = _counts.GetValueOrDefault(nonce) + 1;
    }
}
