using System.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>
/// Lets in what a trunk proves to be: by address and certificate at once, by password after a challenge (RFC 3261 22.2, RFC 8760). An unknown
/// user gets the same answer after the same work as a wrong password.
/// </summary>
/// <param name="key">Secret of this process for nonces, 32 random bytes.</param>
/// <param name="random">Fills with random bytes.</param>
public sealed class DigestGuard(IReadOnlyList<EdgeTrunk> trunks, UnknownSources unknown, byte[] key, Action<Span<byte>> random, IAuthenticationObserver observer) : IRequestGuard
{
    private const string Authorization = "Authorization";
    private const string Challenge = "WWW-Authenticate";

    /// <summary>Credentials that are looked at: a request that passed several proxies carries one for each realm.</summary>
    private const int MostCredentials = 4;

    /// <summary>Realms that are challenged at once.</summary>
    private const int MostRealms = 4;

    // No password's: checked for users that are not there.
    private static readonly byte[] s_nobodysSha256 = DigestHash.Ha1(DigestAlgorithm.Sha256, "", "", "");
    private static readonly byte[] s_nobodysMd5 = DigestHash.Ha1(DigestAlgorithm.Md5, "", "", "");

    private readonly StatelessTags _tags = new(key);
    private readonly NonceMint _mint = new(key, random);
    private readonly NonceCounts _counts = new(NonceMint.Lifetime);

    /// <summary>Until a pass is over wherever it is asked, whose clock may be another second's.</summary>
    private readonly NonceCounts _passes = new((PhonePass.Life + TimeSpan.FromSeconds(2)).Ticks);
    private readonly EdgeTrunk[] _digests = [.. trunks.Where(trunk => trunk.Digest is not null)];

    public GuardDecision Decide(long now, SipRequest request, SipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(peer);
        if (Best(peer) is not { } best) return unknown == UnknownSources.Forbidden ? GuardDecision.Refuse(SipResponses.For(request, 403, _tags.Of(request))) : GuardDecision.Drop;
        if (best.Digest is null) return GuardDecision.Allow(best);
        EdgeTrunk[] candidates = [best, .. _digests.Where(trunk => trunk != best && trunk.Fits(peer))];
        var (result, trunk) = Judge(now, request, peer.EndPoint.Address, candidates);
        observer.Authenticated(peer.EndPoint.Address, result);
        return result == AuthenticationResult.Accepted
            ? GuardDecision.Allow(trunk!)
            : GuardDecision.Refuse(Challenged(now, request, peer.EndPoint.Address, candidates, result is AuthenticationResult.Stale or AuthenticationResult.Replayed));
    }

    /// <summary>The user as whom a request of this trunk was let in: what decided about it is its first header for that realm. Null for other trunks.</summary>
    public static string? UserOf(SipRequest request, EdgeTrunk trunk)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(trunk);
        if (trunk.Digest is not { } digest) return null;
        return request.Headers.All(Authorization).Take(MostCredentials).Select(DigestCredentials.Read).FirstOrDefault(c => c?.Realm == digest.Realm)?.User;
    }

    /// <summary>The trunk that this peer is, but for a password.</summary>
    private EdgeTrunk? Best(SipPeer peer)
    {
        if (peer.Entry.Fits(peer)) return peer.Entry;
        // It came in as the proxy of a trunk that lets nothing new in, and may be another one as well.
        return trunks.Where(trunk => trunk.Fits(peer)).MaxBy(trunk => trunk.Tls is null ? LongestPrefix(trunk, peer.EndPoint.Address) : int.MaxValue);
    }

    private static int LongestPrefix(EdgeTrunk trunk, IPAddress address) =>
        trunk.From.Where(network => network.Contains(address)).Select(network => network.PrefixLength).DefaultIfEmpty(-1).Max();

    private (AuthenticationResult Result, EdgeTrunk? Trunk) Judge(long now, SipRequest request, IPAddress source, EdgeTrunk[] candidates)
    {
        var malformed = false;
        foreach (var value in request.Headers.All(Authorization).Take(MostCredentials))
        {
            if (DigestCredentials.Read(value) is not { } credentials)
            {
                malformed = true;
                continue;
            }
            var inRealm = candidates.Where(trunk => trunk.Digest!.Realm == credentials.Realm).ToList();
            if (inRealm.Count == 0) continue;
            var (trunk, found) = inRealm.Select(trunk => (Trunk: trunk, Found: trunk.Digest!.Find(credentials.User))).FirstOrDefault(candidate => candidate.Found is not null);
            return (Judge(now, request, source, credentials, found?.Account, found?.Pass), trunk);
        }
        return (malformed ? AuthenticationResult.Malformed : AuthenticationResult.Challenged, null);
    }

    /// <summary>Proof first, then the nonce, and its count only when both are right: nothing is remembered of who has no password.</summary>
    private AuthenticationResult Judge(long now, SipRequest request, IPAddress source, DigestCredentials credentials, DigestAccount? account, DigestPass? pass)
    {
        var ha1 = account?.Ha1(credentials.Algorithm);
        var proof = credentials.Proves(ha1 is null ? Nobodys(credentials.Algorithm) : ha1.Expose(), request.Method, request.Body.Span);
        var nonce = _mint.Check(now, credentials.Nonce, source, credentials.Realm, out var id);
        if (!proof || ha1 is null || !credentials.IsFor(request)) return nonce == NonceState.Foreign ? AuthenticationResult.Forged : AuthenticationResult.Failed;
        if (nonce != NonceState.Valid) return AuthenticationResult.Stale;
        if (!_counts.TryUse(now, id, credentials.Count)) return AuthenticationResult.Replayed;
        // A pass ends before what is remembered of its use does.
        return pass is null || (request.Method == SipMethods.Invite && _passes.TryUse(now, pass.Id, count: 1)) ? AuthenticationResult.Accepted : AuthenticationResult.Failed;
    }

    private static ReadOnlySpan<byte> Nobodys(DigestAlgorithm algorithm) => algorithm == DigestAlgorithm.Sha256 ? s_nobodysSha256 : s_nobodysMd5;

    /// <summary>401 with a challenge for each realm and algorithm, the strongest first (RFC 8760 2.3).</summary>
    private SipResponse Challenged(long now, SipRequest request, IPAddress source, EdgeTrunk[] candidates, bool stale)
    {
        var response = SipResponses.For(request, 401, _tags.Of(request));
        foreach (var realm in candidates.GroupBy(trunk => trunk.Digest!.Realm).Take(MostRealms))
        {
            var nonce = _mint.Make(now, source, realm.Key);
            if (!realm.All(trunk => trunk.Digest!.OnlyMd5)) response.Headers.Add(Challenge, DigestChallenge.Write(realm.Key, nonce, DigestAlgorithm.Sha256, stale));
            if (realm.Any(trunk => trunk.Digest!.Md5)) response.Headers.Add(Challenge, DigestChallenge.Write(realm.Key, nonce, DigestAlgorithm.Md5, stale));
        }
        return response;
    }
}
