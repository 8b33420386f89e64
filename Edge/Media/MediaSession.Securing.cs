using System.Net;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Media;

/// <summary>Keys: from SDES as they are in the descriptions, or from a DTLS handshake on the media's own port (RFC 5764), with ICE or without.</summary>
internal sealed partial class MediaSession : IDtlsOwner
{
    private MediaKeying? _keying;
    private DtlsOffer? _dtlsOffer; // Until the first answer to it.

    /// <summary>When somebody began to wait for keys.</summary>
    private long _keyingSince;

    /// <summary>Whether media have to wait for keys: nothing is sent or heard in clear meanwhile.</summary>
    private bool AwaitsKeys => _keying is { IsKeyed: false };

    /// <summary>Whether keys by DTLS are there.</summary>
    internal bool IsKeyed => _keying is { IsKeyed: true };

    private bool IsEncrypted => _sender is not null || _keying is not null || _dtlsOffer is not null;

    private SdpOurDtls? OurDtls => _keying?.Lines(_offering, [_address]) ?? _dtlsOffer?.Lines([_address]);

    private void ApplyDtls(NegotiatedMedia agreed, SdpPeerDtls dtls, bool isAnswer)
    {
        // The address where the peer says that it is, is believed when its handshake came from there.
        var signalled = agreed.RtpAddress;
        if (_keying is null)
        {
            _keying = new MediaKeying(
                this, _engine.Handshakes, _engine.Identities.Current, _policy.Rules.DtlsSuites, dtls, signalled, _engine.Time.TimestampFrequency, _dtlsOffer);
            _dtlsOffer = null;
            DropKeys();
        }
        else if (_keying.Renew(_engine.Time.GetTimestamp(), dtls, signalled, isAnswer))
        {
            DropKeys();
        }
        if (_keying.IsKeyed && !_keying.UsesIce && !signalled.IsNone) _peer.Signal(signalled);
    }

    private void ApplySdes(SdpCrypto crypto, bool isAnswer)
    {
        if (_keying is not null)
        {
            _keying.Dispose();
            _keying = null;
            DropKeys();
        }
        // Our key goes on with its rollover counter as long as the suite does; both directions have the same one (RFC 4568 5.1.2).
        if (isAnswer) SendBy(_senders[crypto.Tag - 1], _senders);
        else if (_sender?.Master.Suite == crypto.Key.Suite) SendBy(_sender, [_sender]);
        else SendUnderNew([crypto.Key.Suite]);
        // The same key again keeps its rollover counter and replay window.
        if (_receiver is not null && _receiver.Master.IsSameAs(crypto.Key))
        {
            crypto.Key.Dispose();
            return;
        }
        _receiver?.Dispose();
        _receiver = new SrtpReceiver(crypto.Key);
    }

    /// <summary>
    /// Under a new key the rollover counter is 0 again, so that the sequence must begin in the lower half (RFC 3711 3.3.1): else a peer that loses the packets before a rollover
    /// hears nothing from then on. A stream that is running can't jump there, since its receiver would see half of the numbers lost or packets out of order; so another one begins
    /// (RFC 3550 8). There is no BYE for the old one: some gateways take it for the end of the call.
    /// </summary>
    private void BeginStream()
    {
        // A packet of the other leg that comes late would have an index from before this key's first.
        _relay.Interrupt();
        if (_packetsSent == _sentBefore) return;
        (_ssrc, _sequence) = MediaEngine.NewStream();
        (_firstSequence, _sentBefore, _octetsSent, _resumes) = (_sequence, _packetsSent, 0, true);
    }

    /// <summary>From here to new keys the session is silent and deaf.</summary>
    private void DropKeys()
    {
        foreach (var sender in _senders) sender.Dispose();
        _receiver?.Dispose();
        (_sender, _senders, _receiver) = (null, [], null);
        _peer = default;
        _keyingSince = _engine.Time.GetTimestamp();
    }

    /// <summary>Takes what is neither RTP nor RTCP of a port that carries DTLS and STUN, too. The first byte says which it is (RFC 7983 7).</summary>
    /// <returns>Whether it was neither and is media.</returns>
    private bool IsMedia(ReadOnlySpan<byte> datagram, MediaAddress from, bool rtcp)
    {
        if (_keying is null) return true;
        if (datagram.IsEmpty || rtcp) return false; // Our keys are for the component of RTP, and RTCP has none beside it but by rtcp-mux.
        var now = _engine.Time.GetTimestamp();
        if (Stun.IsStun(datagram[0]))
        {
            Span<byte> response = stackalloc byte[IceLite.MostResponse];
            var length = _keying.TakeStun(now, datagram, from, response);
            if (length > 0) _rtp!.Send(response[..length], from);
            FollowIce(now);
            return false;
        }
        if (DtlsRecords.IsDtls(datagram[0]))
        {
            _keying.TakeDtls(now, datagram, from);
            return false;
        }
        return datagram[0] is >= 128 and <= 191 && _receiver is not null;
    }

    /// <summary>Each frame: the path that ICE has now, the handshake that is ours to begin. Returns whether keys did not come in time.</summary>
    private bool KeepKeyed(long now)
    {
        if (_keying is null) return false;
        FollowIce(now);
        _keying.BeginWhenDue(now, _agreed!.RtpAddress);
        return AwaitsKeys && _engine.Time.GetElapsedTime(_keyingSince, now) >= MediaEngine.KeyingTimeout;
    }

    private void FollowIce(long now)
    {
        if (_keying is { UsesIce: true, IsKeyed: true } keying) _peer.Nominate(keying.NominatedAt(now));
    }

    void IDtlsOwner.Send(ReadOnlySpan<byte> datagram, MediaAddress to)
    {
        lock (_gate)
        {
            if (!_closed && _keying is not null) _rtp!.Send(datagram, to);
        }
    }

    void IDtlsOwner.Keyed(DtlsAssociation association, SrtpKeys keys, MediaAddress peer)
    {
        lock (_gate)
        {
            if (_closed || _keying?.Accept(association) != true)
            {
                keys.Dispose();
                return;
            }
            var sender = new SrtpSender(keys.Ours);
            SendBy(sender, [sender]);
            _receiver?.Dispose();
            _receiver = new SrtpReceiver(keys.Peers);
            var now = _engine.Time.GetTimestamp();
            (_lastHeard, _resumes) = (now, true);
            if (_keying.UsesIce)
            {
                FollowIce(now);
                return;
            }
            _peer.Signal(_agreed!.RtpAddress);
            _peer.Nominate(peer);
        }
    }
}
