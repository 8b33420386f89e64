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
    private readonly IDtlsOwner _owner;
    private readonly DtlsHandshakes _handshakes;
    private readonly long _second;
    private readonly int[] _profiles;
    private SdpPeerDtls _peer;
    private DtlsAssociation _association;
    private IceLite? _ice;
    private MediaAddress _nominatedBefore;
    private long _restartedAt;

    /// <param name="suites">Each has a number as a profile of DTLS-SRTP.</param>
    /// <param name="newTlsId">Random ids (RFC 8842 4).</param>
    public MediaKeying(IDtlsOwner owner, DtlsHandshakes handshakes, DtlsIdentity identity, IEnumerable<SrtpSuite> suites, SdpPeerDtls peer, MediaAddress signalled, long second, Func<IceCredentials> newIce, Func<string> newTlsId)
    {
        (_owner, _handshakes, _second, _peer, Identity) = (owner, handshakes, second, peer, identity);
        (NewIce, NewTlsId) = (newIce, newTlsId);
        _profiles = [.. suites.Select(suite => (int)suite.Profile!)];
        if (peer.IceFragment is { } fragment) _ice = new IceLite(newIce(), fragment, second);
        _association = Associate(peer, weAreClient: peer.Setup == SdpSetup.Passive, signalled);
    }

    public DtlsIdentity Identity { get; }

    public bool IsKeyed { get; private set; }

    public bool UsesIce => _ice is not null;

    private Func<IceCredentials> NewIce { get; }

    private Func<string> NewTlsId { get; }

    private string? TlsId { get; set; }

    /// <summary>Our lines in an answer (our role as it is), or in an offer (any role, RFC 8842 5.5).</summary>
    public SdpOurDtls Lines(bool offering, IReadOnlyList<IPAddress> candidates) => new(
        Identity.Fingerprint, offering ? SdpSetup.ActPass : _association.Terms.WeAreClient ? SdpSetup.Active : SdpSetup.Passive, TlsId, _ice?.Ours, candidates);

    /// <summary>
    /// A new agreement (RFC 8842 3.1, 5.3): other fingerprints, another id or other roles ask for a new association; another ICE fragment restarts ICE (RFC 8445 9) and
    /// leaves the association. Returns whether the keys of before no longer hold.
    /// </summary>
    public bool Renew(long now, SdpPeerDtls peer, MediaAddress signalled)
    {
        var weWereClient = _association.Terms.WeAreClient;
        var weAreClient = peer.Setup switch { SdpSetup.Passive => true, SdpSetup.Active => false, _ => weWereClient };
        if (peer.IceFragment != _ice?.PeerFragment)
        {
            if (_ice is { Selected.IsNone: false } before) (_nominatedBefore, _restartedAt) = (before.Selected, now);
            _ice?.Dispose();
            _ice = peer.IceFragment is { } fragment ? new IceLite(NewIce(), fragment, _second) : null;
        }
        var goesOn = peer.IsSameAssociationAs(_peer) && weAreClient == weWereClient && _association.AnyAddress == UsesIce;
        _peer = peer;
        if (goesOn)
        {
            _association.Expected = signalled;
            return false;
        }
        _association.Dispose();
        _association = Associate(peer, weAreClient, signalled);
        IsKeyed = false;
        return true;
    }

    /// <summary>STUN (RFC 7983). Returns the length of the response in <paramref name="response"/>, or 0.</summary>
    public int TakeStun(long now, ReadOnlySpan<byte> datagram, MediaAddress from, Span<byte> response) => _ice?.Take(now, datagram, from, response) ?? 0;

    /// <summary>DTLS. With ICE only from where the peer was checked to be.</summary>
    public void TakeDtls(long now, ReadOnlySpan<byte> datagram, MediaAddress from)
    {
        if (_ice is null || _ice.IsChecked(now, from)) _association.Take(datagram, from);
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

    /// <summary>As client: begins when it is known where the peer is, and again when that failed.</summary>
    public void BeginWhenDue(long now, MediaAddress signalled)
    {
        if (!IsKeyed && _association.Terms.WeAreClient) _association.Begin(_ice is null ? signalled : NominatedAt(now));
    }

    /// <summary>Whether keys of this association are those of the session, which they are from now on.</summary>
    public bool Accept(DtlsAssociation association)
    {
        if (association != _association) return false;
        return IsKeyed = true;
    }

    public void Dispose()
    {
        _association.Dispose();
        _ice?.Dispose();
    }

    private DtlsAssociation Associate(SdpPeerDtls peer, bool weAreClient, MediaAddress signalled)
    {
        TlsId = peer.TlsId is null ? null : NewTlsId();
        return new DtlsAssociation(_handshakes, new DtlsTerms(Identity, peer.Fingerprints, weAreClient, _profiles), _owner) { AnyAddress = UsesIce, Expected = signalled };
    }
}
