using System.Net;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Media;

/// <summary>
/// How a session's keys come by DTLS, and with ICE where its peer is. Used under the session's lock. Until <see cref="IsKeyed"/> the session neither sends nor hears
/// anything; when the keys never come, it stays so.
/// </summary>
internal sealed class MediaKeying : IDisposable
{
    private const int SilentSeconds = 1;

    private readonly IDtlsOwner _owner;
    private readonly DtlsHandshakes _handshakes;
    private readonly long _second;
    private readonly int[] _profiles;
    private SdpPeerDtls _peer;
    private DtlsAssociation _association;
    private DtlsAssociation? _next; // Of a peer that may have moved: its keys will take the place of those that hold.
    private MediaAddress _signalled;
    private long _heardAt;
    private IceCredentials? _ours; // As they were told: beside a peer without ICE those of our offer, which another callee may still answer.
    private IceLite? _ice;
    private MediaAddress _nominatedBefore;
    private long _restartedAt;

    /// <param name="suites">Each has a number as a profile of DTLS-SRTP.</param>
    /// <param name="identity">Of an answer of ours; that of an offer is told already.</param>
    /// <param name="offer">Which the peer has answered, and whose ownership is taken; null: the peer's own offer is to be answered.</param>
    public MediaKeying(IDtlsOwner owner, DtlsHandshakes handshakes, DtlsIdentity identity, IEnumerable<SrtpSuite> suites, SdpPeerDtls peer, MediaAddress signalled, long second, DtlsOffer? offer)
    {
        (_owner, _handshakes, _second, _peer, Identity) = (owner, handshakes, second, peer, offer?.Identity ?? identity);
        _profiles = [.. suites.Select(suite => (int)suite.Profile!)];
        _ours = offer?.Ice ?? (peer.IceFragment is null ? null : MediaEngine.NewIce());
        _ice = AgentFor(peer.IceFragment);
        TlsId = offer?.TlsId ?? NewTlsIdFor(peer);
        _signalled = signalled;
        _association = Associate(peer, weAreClient: peer.Setup == SdpSetup.Passive, signalled);
    }

    public DtlsIdentity Identity { get; }

    public bool IsKeyed { get; private set; }

    public bool UsesIce => _ice is not null;

    private string? TlsId { get; set; }

    /// <summary>Our lines in an answer (our role as it is), or in an offer (any role, RFC 8842 5.5).</summary>
    public SdpOurDtls Lines(bool offering, IReadOnlyList<IPAddress> candidates) => new(
        Identity.Fingerprint, offering ? SdpSetup.ActPass : _association.Terms.WeAreClient ? SdpSetup.Active : SdpSetup.Passive, TlsId, _ice?.Ours, candidates);

    /// <summary>An offer is made of a session that is agreed: what it does not tell holds for no answer.</summary>
    public void Offers()
    {
        if (_ice is not null) return;
        _ours?.Dispose();
        _ours = null;
    }

    /// <summary>
    /// A new agreement (RFC 8842 3.1, 5.3): other fingerprints, another id or other roles ask for a new association; another ICE fragment restarts ICE (RFC 8445 9) and
    /// leaves the association. Returns whether the keys of before no longer hold.
    /// </summary>
    /// <param name="isAnswer">To an offer of ours, whose credentials of ICE hold.</param>
    public bool Renew(long now, SdpPeerDtls peer, MediaAddress signalled, bool isAnswer)
    {
        var weWereClient = _association.Terms.WeAreClient;
        var weAreClient = peer.Setup switch { SdpSetup.Passive => true, SdpSetup.Active => false, _ => weWereClient };
        var moved = (!signalled.IsNone && signalled != _signalled) || peer.IceFragment != _peer.IceFragment;
        if (!signalled.IsNone) _signalled = signalled;
        if (peer.IceFragment != _ice?.PeerFragment) RestartIce(now, peer.IceFragment, isAnswer);
        var goesOn = peer.IsSameAssociationAs(_peer) && weAreClient == weWereClient && _association.AnyAddress == UsesIce;
        _peer = peer;
        // RFC 8842 5.3: no id in an answer to who has none. That of our offer stays, whoever answers.
        if (!isAnswer && peer.TlsId is null) TlsId = null;
        if (goesOn)
        {
            _association.Expected = signalled;
            if (moved && peer.TlsId is null) ExpectAnother(now, peer, weAreClient, signalled);
            else if (_next is not null) _next.Expected = signalled;
            return false;
        }
        _association.Dispose();
        _next?.Dispose();
        _next = null;
        if (!isAnswer) TlsId = NewTlsIdFor(peer);
        // Of another callee, who is not where the one before was.
        else _nominatedBefore = default;
        _association = Associate(peer, weAreClient, signalled);
        IsKeyed = false;
        return true;
    }

    private void RestartIce(long now, string? peerFragment, bool isAnswer)
    {
        if (_ice is { Selected.IsNone: false } before) (_nominatedBefore, _restartedAt) = (before.Selected, now);
        // Credentials that nobody was told would leave the peer's checks without an answer; and who was offered no ICE has none.
        if (!isAnswer)
        {
            _ours?.Dispose();
            _ours = peerFragment is null ? null : MediaEngine.NewIce();
        }
        _ice?.Dispose();
        _ice = AgentFor(peerFragment);
    }

    private IceLite? AgentFor(string? peerFragment) => peerFragment is null || _ours is null ? null : new IceLite(_ours, peerFragment, _second);

    /// <summary>
    /// The same certificate elsewhere, and nothing that says which it is: the association goes on there, or another endpoint with that certificate begins one (RFC 5763 6.6). Both
    /// are right: the keys hold until there are others.
    /// </summary>
    private void ExpectAnother(long now, SdpPeerDtls peer, bool weAreClient, MediaAddress signalled)
    {
        if (!IsKeyed) return;
        _next?.Dispose();
        _next = Associate(peer, weAreClient, signalled);
        _heardAt = now;
    }

    /// <summary>STUN (RFC 7983). Returns the length of the response in <paramref name="response"/>, or 0.</summary>
    public int TakeStun(long now, ReadOnlySpan<byte> datagram, MediaAddress from, Span<byte> response) => _ice?.Take(now, datagram, from, response) ?? 0;

    /// <summary>DTLS. With ICE only from where the peer was checked to be.</summary>
    public void TakeDtls(long now, ReadOnlySpan<byte> datagram, MediaAddress from)
    {
        if (_ice is not null && !_ice.IsChecked(now, from)) return;
        if (_next?.Take(datagram, from) != true) _association.Take(datagram, from);
    }

    /// <summary>An authentic packet came from there.</summary>
    public void Heard(long now, MediaAddress from)
    {
        _heardAt = now;
        _ice?.Heard(now, from);
    }

    /// <summary>Where media go, when ICE says that: none before a nomination, and none when the peer's consent has run out (RFC 7675).</summary>
    public MediaAddress NominatedAt(long now)
    {
        if (_ice is null) return default;
        // While ICE restarts, media go on as before (RFC 8445 9), for as long as consent lasts.
        if (_ice.Selected.IsNone && now - _restartedAt <= IceLite.ConsentSeconds * _second) return _nominatedBefore;
        _nominatedBefore = default;
        return _ice.HasConsent(now) ? _ice.Selected : default;
    }

    /// <summary>As client: begins when it is known where the peer is, and again when that failed. When keys hold and the peer has moved, only if it is not heard under them.</summary>
    public void BeginWhenDue(long now, MediaAddress signalled)
    {
        // A peer that only moved is heard, and would not know what another hello is to mean.
        var due = IsKeyed ? now - _heardAt >= SilentSeconds * _second ? _next : null : _association;
        if (due is { Terms.WeAreClient: true }) due.Begin(_ice is null ? signalled : NominatedAt(now));
    }

    /// <summary>Whether keys of this association are those of the session, which they are from now on.</summary>
    public bool Accept(DtlsAssociation association)
    {
        if (association == _next)
        {
            _association.Dispose();
            (_association, _next) = (_next, null);
        }
        if (association != _association) return false;
        return IsKeyed = true;
    }

    public void Dispose()
    {
        _association.Dispose();
        _next?.Dispose();
        _ice?.Dispose();
        _ours?.Dispose();
    }

    private static string? NewTlsIdFor(SdpPeerDtls peer) => peer.TlsId is null ? null : MediaEngine.NewTlsId();

    private DtlsAssociation Associate(SdpPeerDtls peer, bool weAreClient, MediaAddress signalled) =>
        new(_handshakes, new DtlsTerms(Identity, peer.Fingerprints, weAreClient, _profiles), _owner) { AnyAddress = UsesIce, Expected = signalled };
}
