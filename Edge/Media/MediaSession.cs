using System.Net;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Media;

/// <summary>Random numbers that a session starts from.</summary>
/// <param name="Sequence">Below 2^15, so that no early loss can hide a rollover from the peer's SRTP (RFC 3711 3.3.1).</param>
/// <param name="Cname">16 random characters (RFC 7022 4.2).</param>
internal readonly record struct SessionSeed(uint Ssrc, ushort Sequence, uint Timestamp, uint SdpSessionId, string Cname);

/// <summary>
/// One call's media. What the loop's thread does (<see cref="OnFrame"/>, <see cref="Receive"/>) and what others do (play, stop, renegotiate, dispose) exclude each
/// other by one lock; events are called outside of it.
/// </summary>
internal sealed partial class MediaSession : IMediaSession, IMediaInput
{
    /// <summary>Payload type of comfort noise (RFC 3389): from the peer, but no audio.</summary>
    private const byte ComfortNoise = 13;

    /// <summary>Frames between two reports, about 5 s (RFC 3550 6.2); the random part keeps calls apart.</summary>
    private const int ReportFrames = 250;

    private const int FramesPerSecond = 1000 / Telephone.FrameMs;

    private readonly Lock _gate = new();
    private readonly MediaEngine _engine;
    private readonly MediaLoop _loop;
    private readonly IMediaEvents _events;
    private readonly MediaPolicy _policy;
    private readonly SessionSeed _seed;
    private readonly IPAddress _address;
    private readonly int _rtpPort;
    private readonly Player _player = new();
    private readonly List<PlayEvent> _played = [];
    private readonly List<PlayEvent> _playedOutside = [];

    private IMediaPort? _rtp;
    private IMediaPort? _rtcp;
    private NegotiatedMedia? _agreed;
    private SrtpSender? _sender;
    private SrtpSender[] _senders = []; // Of our last offer, by tag from 1, of which an answer takes one and that of another callee maybe another; else _sender alone.
    private SrtpReceiver? _receiver;
    private int _sdpVersion = 1;
    private bool _offering; // Our own offer stands; the next description is the peer's answer.

    private bool _started;
    private bool _closed;
    private bool _failed;
    private long _nextFrame = -1;
    private uint _ssrc;
    private ushort _sequence;
    private ushort _firstSequence;
    private uint _sentBefore; // Of _packetsSent, those of streams before this one.
    private uint _timestamp;
    private bool _talking;
    private bool _resumes = true;
    private uint _packetsSent;
    private uint _octetsSent;
    private long _lastSent;

    private PeerLock _peer;
    private ReceptionStatistics _reception;
    private uint _peerSsrc;
    private bool _heardAny;
    private long _packetsReceived;
    private long _lastHeard;
    private bool _timedOut;
    private DtmfReceiver _dtmf;
    private bool _sendsKeys;
    private uint _dtmfSsrc;
    private long _nextReport;
    private uint _lastSenderReport;
    private long _lastSenderReportAt;

    public MediaSession(MediaEngine engine, MediaLoop loop, IMediaEvents events, MediaPolicy policy, SessionSeed seed, IPAddress address, int rtpPort)
    {
        (_engine, _loop, _events, _policy, _seed, _address, _rtpPort) = (engine, loop, events, policy, seed, address, rtpPort);
        (_ssrc, _sequence, _firstSequence) = (seed.Ssrc, seed.Sequence, seed.Sequence);
        _timestamp = seed.Timestamp;
        if (policy.Follows is { } before) _sdpVersion = before.Version + 1;
    }

    public MediaLoop Loop => _loop;

    /// <summary>Given and used by the loop.</summary>
    public int Slot { get; set; }

    public string Codec => _agreed?.Codec switch { SdpCodec.Opus => "opus", SdpCodec.Pcma => "PCMA", _ => "PCMU" };

    public bool Srtp => IsEncrypted;

    public CallKeying Keying => _keying is not null || _dtlsOffer is not null ? CallKeying.Dtls : _sender is not null ? CallKeying.Sdes : CallKeying.None;

    public SdpOrigin Origin => new(SdpSessionId, _sdpVersion, _policy.Follows?.Address ?? _address.ToString());

    public bool SendsKeys
    {
        get
        {
            lock (_gate) return _sendsKeys && _agreed?.EventPayloadType is not null;
        }
    }

    public MediaStatistics Statistics
    {
        get
        {
            lock (_gate) return Measure();
        }
    }

    /// <summary>Binds both ports; false when one is taken by another program.</summary>
    public bool TryOpen()
    {
        _rtp = _loop.Wire.Open(_address, _rtpPort, rtcp: false, this);
        _rtcp = _rtp is null ? null : _loop.Wire.Open(_address, _rtpPort + 1, rtcp: true, this);
        if (_rtcp is not null) return true;
        _rtp?.Dispose();
        return false;
    }

    /// <summary>The first answer: what was agreed is in force, and this is the SDP that says so.</summary>
    public byte[] Accept(SdpDescription offer, NegotiatedMedia agreed)
    {
        lock (_gate)
        {
            Apply(agreed, isAnswer: false);
            return SdpWriter.Answer(offer, agreed, Local(), _sender?.Master);
        }
    }

    /// <summary>Our own offer, for an INVITE without one.</summary>
    public byte[] Offer()
    {
        lock (_gate)
        {
            _offering = true;
            _keying?.Offers();
            if (_sender is not null && _keying is null) SendBy(_sender, [_sender]);
            else if (_agreed is null && _policy.Rules is { SrtpAllowed: true, Suites: var suites })
            {
                if (_policy.Offers == SrtpOffers.Dtls) _dtlsOffer ??= new DtlsOffer(_engine.Identities.Current);
                else SendUnderNew(suites);
            }
            if (OurDtls is not null) return SdpWriter.Offer(Local(), [], _policy.Codecs, before: _agreed);
            return SdpWriter.Offer(Local(), [.. _senders.Select(sender => sender.Master)], _policy.Codecs);
        }
    }

    private void SendUnderNew(IReadOnlyList<SrtpSuite> suites)
    {
        SrtpSender[] senders = [.. suites.Select(suite => new SrtpSender(MediaEngine.NewKey(suite)))];
        SendBy(senders[0], senders);
    }

    /// <summary>Sends under one of <paramref name="senders"/>, of which the others are kept for a later answer.</summary>
    private void SendBy(SrtpSender sender, SrtpSender[] senders)
    {
        foreach (var old in _senders.Except(senders)) old.Dispose();
        if (sender != _sender) BeginStream();
        (_sender, _senders) = (sender, senders);
    }

    public int TakeAnswer(ReadOnlySpan<byte> answer)
    {
        lock (_gate) _offering = true;
        return Renegotiate(answer).Status;
    }

    public MediaAnswer Renegotiate(ReadOnlySpan<byte> offer)
    {
        lock (_gate)
        {
            if (_closed) return MediaEngine.Refuse(SdpRefusal.UnusableAddress);
            if (offer.IsEmpty)
            {
                _sdpVersion++;
                return new MediaAnswer { Session = this, Sdp = Offer() };
            }
            var refusal = _engine.Negotiate(offer, PolicyNow(), _address.AddressFamily, out var description, out var agreed);
            if (refusal != SdpRefusal.None) return MediaEngine.Refuse(refusal);
            var isAnswer = _offering;
            _offering = false;
            Apply(agreed!, isAnswer);
            if (isAnswer) return new MediaAnswer { Session = this };
            _sdpVersion++;
            return new MediaAnswer { Session = this, Sdp = SdpWriter.Answer(description, agreed!, Local(), _sender?.Master) };
        }
    }

    /// <summary>A call that is encrypted stays so: neither a re-offer nor an answer to our offer may take it back.</summary>
    private SdpPolicy PolicyNow()
    {
        var policy = _policy.Rules;
        if (_keying is not null || _dtlsOffer is not null) return policy with { PlainAllowed = false, Offered = _offering ? [] : null };
        if (_sender is not null) return policy with { PlainAllowed = false, Offered = _offering ? [.. _senders.Select(sender => sender.Master.Suite)] : null, TakesDtls = !_offering };
        // An answer cannot add encryption that we did not offer.
        return _offering ? policy with { SrtpAllowed = false, SrtpBlockedBy = SdpRefusal.SrtpNotAllowed } : policy;
    }

    private SdpLocal Local() => new(_address, _rtpPort, _rtpPort + 1, SdpSessionId, _sdpVersion) { Dtls = OurDtls, OriginAddress = _policy.Follows?.Address };

    private uint SdpSessionId => _policy.Follows?.SessionId ?? _seed.SdpSessionId;

    private void Apply(NegotiatedMedia agreed, bool isAnswer)
    {
        _agreed = agreed;
        SetClock();
        _lastHeard = _engine.Time.GetTimestamp();
        _timedOut = false;
        if (agreed.PeerDtls is { } dtls)
        {
            ApplyDtls(agreed, dtls, isAnswer);
            return;
        }
        if (agreed.PeerCrypto is { } crypto) ApplySdes(crypto, isAnswer);
        _peer.Signal(agreed.RtpAddress);
    }

    public void Start()
    {
        lock (_gate)
        {
            if (_closed) return;
            // Again with the answer: what was heard before it, by whoever rang for long, counts against no time-out.
            _started = true;
            _lastHeard = _keyingSince = _engine.Time.GetTimestamp();
        }
    }

    public void Play(IReadOnlyList<PromptPart> prompts, int playId)
    {
        var audio = new List<PromptAudio>(prompts.Count);
        foreach (var part in prompts) _engine.Prompts.Resolve(part, audio);
        lock (_gate)
        {
            if (IsOpus) audio.ForEach(one => one.PrepareOpus());
            if (!_closed) _player.Enqueue(audio, playId);
        }
    }

    public void Stop()
    {
        lock (_gate) _player.Stop();
    }

    /// <summary>Sends the frame of 20 ms that is due. On the loop's thread, which no call's error may end.</summary>
    public void OnFrame(long frame)
    {
        if (_failed) return;
        try
        {
            Frame(frame);
        }
#pragma warning disable CA1031 // See above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(e);
        }
    }

    /// <summary>An internal error: this call's media stops, and the call is ended as if its media had timed out.</summary>
    private void Fail(Exception e)
    {
        _failed = true;
        _playedOutside.Clear();
        _engine.Failed(e);
        try
        {
            _events.TimedOut();
        }
#pragma warning disable CA1031 // The listener itself is at fault; there is nobody else to tell.
        catch (Exception second)
#pragma warning restore CA1031
        {
            _engine.Failed(second);
        }
    }

    private void Frame(long frame)
    {
        var timedOut = false;
        MediaStatistics? measured = null;
        long now;
        lock (_gate)
        {
            if (_closed || !_started || _agreed is null) return;
            now = _engine.Time.GetTimestamp();
            SkipTo(frame);
            var unkeyed = KeepKeyed(now);
            _opus?.Refill();
            _recording?.Advance(frame);
            SendFrame(now);
            if (frame >= _nextReport)
            {
                SendReport(frame, bye: false);
                measured = Measure();
            }
            if (frame % FramesPerSecond == 0) timedOut = IsTimedOutNow(now, unkeyed);
            // The list is swapped for one that only this thread touches, so that events may call back.
            foreach (var played in _played) _playedOutside.Add(played);
            _played.Clear();
        }
        foreach (var played in _playedOutside)
        {
            if (played.Ended) _events.PlayEnded(played.PlayId);
            else _events.PlayStarted(played.PlayId, now);
        }
        _playedOutside.Clear();
        if (measured is { } statistics) _events.Measured(statistics);
        if (timedOut) _events.TimedOut();
    }

    /// <summary>Frames that the clock left out (the machine stood still) are a gap in the timestamps, so that the peer's playout stays in time.</summary>
    private void SkipTo(long frame)
    {
        if (_nextFrame < 0)
        {
            _nextFrame = frame;
            if (_nextReport == 0) _nextReport = frame + ReportFrames / 2 + _seed.Ssrc % ReportFrames;
        }
        if (frame > _nextFrame)
        {
            _timestamp += (uint)((frame - _nextFrame) * Telephone.FrameSamples);
            _resumes = true;
        }
        _nextFrame = frame + 1;
    }

    private void SendFrame(long now)
    {
        if (AwaitsKeys)
        {
            // Prompts wait for somebody who can hear them.
            _timestamp += Telephone.FrameSamples;
            _resumes = true;
            return;
        }
        if (SendPress() || IsCarryingNow()) return;
        Span<byte> packet = stackalloc byte[RtpHeader.Size + Telephone.FrameSamples + SrtpSuite.MostTagSize];
        // On hold the prompts run on unheard, so that the flow does not stand still with them.
        var speech = FillFrame(packet[RtpHeader.Size..], out var payloadLength);
        var timestamp = _timestamp;
        _timestamp += Telephone.FrameSamples;
        if (!_agreed!.Sends || _peer.Target.IsNone)
        {
            _resumes = true;
            _lastSent = 0;
            return;
        }

        // Where the timestamps jump or speech begins, the peer may set its playout delay anew.
        var marker = _resumes || (speech && !_talking);
        _resumes = false;
        _talking = speech;
        _relay.Interrupt();
        new RtpHeader { PayloadType = _agreed.PayloadType, Marker = marker, Sequence = _sequence++, Timestamp = timestamp * _clock, Ssrc = _ssrc }.Write(packet);
        var length = RtpHeader.Size + payloadLength;
        if (_sender is not null) length = _sender.ProtectRtp(packet, length, RtpHeader.Size);
        _rtp!.Send(packet[..length], _peer.Target);

        _packetsSent++;
        _octetsSent += (uint)payloadLength;
        _loop.Tally.Sent++;
        if (_lastSent != 0) _loop.Tally.AddGap(_engine.Time.GetElapsedTime(_lastSent, now).TotalSeconds);
        _lastSent = now;
    }

    private void SendReport(long frame, bool bye)
    {
        _nextReport = frame + ReportFrames / 2 + _seed.Ssrc % ReportFrames;
        var target = RtcpTarget();
        if (target.IsNone) return;

        Span<byte> packet = stackalloc byte[Rtcp.MostBytes + SrtpSender.MostRtcpOverhead];
        var ntp = Rtcp.ToNtp(_engine.Time.GetUtcNow());
        var sent = _packetsSent - _sentBefore;
        SenderInfo? sender = sent == 0 ? null : new SenderInfo(ntp, _timestamp * _clock, sent, _octetsSent);
        if (sender is not null) _atPeer.Sent(Rtcp.Compact(ntp), Now);
        var length = Rtcp.Write(packet, _ssrc, sender, _heardAny ? ReportOnPeer() : null, _seed.Cname, bye, Extended(ntp, sender is not null));
        if (_sender is not null) length = _sender.ProtectRtcp(packet, length);
        (_agreed!.RtcpMux ? _rtp : _rtcp)!.Send(packet[..length], target);
    }

    private ReportBlock ReportOnPeer()
    {
        var delay = _lastSenderReport == 0 ? 0 : (uint)(_engine.Time.GetElapsedTime(_lastSenderReportAt).TotalSeconds * 65536);
        return new ReportBlock(
            _peerSsrc, _reception.TakeFractionLost(), _reception.Lost, _reception.ExtendedHighestSequence, _reception.Jitter * _clock, _lastSenderReport, delay);
    }

    /// <summary>The signalled RTCP address, unless RTP was learned to come from another host: then the port above that one's (the usual mapping of a NAT).</summary>
    private MediaAddress RtcpTarget()
    {
        if (_peer.Target.IsNone) return default;
        if (_agreed!.RtcpMux) return _peer.Target;
        if (_keying is not null) return default;
        if (_peer.Target == _agreed.RtpAddress || _peer.Target.HasSameIp(_agreed.RtcpAddress)) return _agreed.RtcpAddress;
        return _peer.Target.Port == ushort.MaxValue ? default : _peer.Target with { Port = (ushort)(_peer.Target.Port + 1) };
    }

    private bool IsTimedOutNow(long now, bool unkeyed)
    {
        if (_timedOut || (!_agreed!.Receives && !unkeyed)) return false;
        _timedOut = unkeyed || _engine.Time.GetElapsedTime(_lastHeard, now) >= _engine.Options.MediaTimeout;
        return _timedOut;
    }

    public void Receive(Span<byte> datagram, MediaAddress from, bool rtcp)
    {
        if (_failed) return;
        try
        {
            Take(datagram, from, rtcp);
        }
#pragma warning disable CA1031 // No datagram may end the loop's thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(e);
        }
    }

    private void Take(Span<byte> datagram, MediaAddress from, bool rtcp)
    {
        TelephoneEvent pressed = default;
        char? key = null;
        MediaSession? other = null;
        var restarts = false;
        var tones = 0;
        Span<char> toneKeys = stackalloc char[ToneListener.MostKeys];
        scoped HeardPacket heard = default;
        Span<byte> decoded = stackalloc byte[OpusAudio.MostSamples];
        lock (_gate)
        {
            if (_closed || _agreed is null || !IsMedia(datagram, from, rtcp)) return;
            if (rtcp || (_agreed.RtcpMux && Rtcp.IsRtcp(datagram)))
            {
                ReceiveReport(datagram, from);
                return;
            }
            if (!ReceiveRtp(datagram, from, out heard)) return;
            if (IsOpus) heard = ToTelephone(heard, decoded);
            // A flash or a fax tone is no key: who sends one may send its keys otherwise.
            _sendsKeys |= heard.Codec == SdpCodec.TelephoneEvent && TelephoneEvent.TryRead(heard.Payload, out var one) && TelephoneEvent.KeyOf(one.Event) is not null;
            other = _sendsOnTo;
            RecordHeard(heard);
            if (other is not null) (restarts, _peerRestarts) = (_peerRestarts, false);
            if (other is null) (key, tones) = (Press(heard, out pressed), HearTones(heard, toneKeys));
            else if (!_agreed.Receives) return;
        }
        // Outside of the lock: two sessions that send on to each other must not wait for each other.
        other?.Carry(heard, restarts, _loop.Tally);
        if (key is { } k) _events.Key(k, pressed.Duration / 8);
        for (var i = 0; i < tones; i++) _events.Tone(toneKeys[i]);
        toneKeys.Clear();
    }

    private bool ReceiveRtp(Span<byte> datagram, MediaAddress from, out HeardPacket heard)
    {
        heard = default;
        if (RtpHeader.TryRead(datagram, out var header) != RtpRejection.None) return false;
        var isEvent = header.PayloadType == _agreed!.EventPayloadType;
        // The static numbers are taken from a peer that sends the other codec than agreed: it is the peer all the same.
        if (!isEvent && header.PayloadType != _agreed.PayloadType && (IsOpus || header.PayloadType is not (0 or 8 or ComfortNoise))) return false;

        if (_receiver is null)
        {
            if (!_peer.Admit(from, header.Ssrc, header.Sequence)) return false;
        }
        else
        {
            var rejection = _receiver.UnprotectRtp(datagram, header.Length, out var length);
            if (rejection == SrtpRejection.BadTag) _loop.Tally.AuthFailures++;
            if (rejection != SrtpRejection.None) return false;
            datagram = datagram[..length];
            _keying?.Heard(_engine.Time.GetTimestamp(), from);
            // With ICE only its checks move the target.
            if (_keying is not { UsesIce: true }) _peer.Authenticated(from);
        }
        if (header.TryGetPayload(datagram, out var payload) != RtpRejection.None) return false;
        if (IsOpus) header = header with { Timestamp = _peerClock.ToTelephone(header.Timestamp) };
        Count(header);
        heard = new HeardPacket(header, payload, CodecOf(header.PayloadType, isEvent));
        return true;
    }

    private char? Press(in HeardPacket heard, out TelephoneEvent pressed)
    {
        pressed = default;
        var header = heard.Header;
        if (heard.Codec != SdpCodec.TelephoneEvent || !TelephoneEvent.TryRead(heard.Payload, out pressed)) return null;

        if (header.Ssrc != _dtmfSsrc) _dtmf.Reset();
        _dtmfSsrc = header.Ssrc;
        var key = _dtmf.Receive(header.Timestamp, pressed, _eventClock);
        if (key is not null) _loop.Tally.Digits++;
        return key;
    }

    private void Count(in RtpHeader header)
    {
        var now = _engine.Time.GetTimestamp();
        _lastHeard = now;
        _packetsReceived++;
        _loop.Tally.Received++;
        if (!_heardAny || header.Ssrc != _peerSsrc)
        {
            _heardAny = true;
            _peerSsrc = header.Ssrc;
            _reception = default;
            _lastSenderReport = 0;
        }
        _reception.Add(header.Sequence, header.Timestamp, (uint)((Int128)now * Telephone.SampleRate / _engine.Time.TimestampFrequency));
    }

    private void ReceiveReport(Span<byte> datagram, MediaAddress from)
    {
        if (_receiver is null)
        {
            // A stranger's report changes nothing: the host must be the one that RTP is exchanged with.
            if (!from.HasSameIp(_peer.Target)) return;
        }
        else
        {
            var rejection = _receiver.UnprotectRtcp(datagram, out var length);
            if (rejection == SrtpRejection.BadTag) _loop.Tally.AuthFailures++;
            if (rejection != SrtpRejection.None) return;
            datagram = datagram[..length];
            _keying?.Heard(_engine.Time.GetTimestamp(), from);
        }
        if (Rtcp.TryRead(datagram, _ssrc, out var report) != RtcpRejection.None) return;
        TakeReport(report);
        if (report.Sender is not { } sender || report.SenderSsrc != _peerSsrc) return;
        _lastSenderReport = Rtcp.Compact(sender.NtpTime);
        _lastSenderReportAt = _engine.Time.GetTimestamp();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed) return;
            if (_started && _agreed is not null) SendReport(_nextFrame, bye: true);
            QualityMetrics.Observe(Measure());
            _closed = true;
            _sendsOnTo = null;
            _recording?.Finish();
            _player.Stop();
            _tones?.Clear();
            _opus?.Dispose();
            _rtp!.Dispose();
            _rtcp!.Dispose();
            foreach (var sender in _senders) sender.Dispose();
            _receiver?.Dispose();
            _keying?.Dispose();
            _dtlsOffer?.Dispose();
        }
        _engine.Closed(this, _loop, _rtpPort);
    }
}
