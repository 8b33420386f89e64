using System.Globalization;
using System.Security.Cryptography;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tracing;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.AspNetCore.Connections;

namespace IvrActors.Edge.Net;

/// <summary>What all listeners do with a message: the limit and the trunk of its source first, then parse it and hand it to the signalling thread.</summary>
internal sealed class SipIntake(EdgeOptions options, EdgeLoop loop, TrunkTable trunks, SipTransports transports, SourceReputation reputation, TrunkDesk desk, CallGate gate, WaitingCalls waiting, InviteMarks marks, SipTap tap, TimeProvider time)
{
    /// <summary>A stream's sender above its limit is slowed down by not reading; above this wait it is cut off.</summary>
    private static readonly TimeSpan s_mostWait = TimeSpan.FromSeconds(2);

    /// <summary>While the signalling thread is behind, streams wait in the network.</summary>
    private static readonly TimeSpan s_floodPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Refusals to strangers: enough for who sets up a peer, too few to scan or to be reflected.</summary>
    private static readonly RateLimit s_forbidden = new(5, TimeSpan.FromSeconds(1), 10);

    private static readonly StatelessTags s_tags = new(RandomNumberGenerator.GetBytes(32));

    private static readonly EdgeTrunk s_nobody = new() { Name = "nobody", Tenant = "nobody" };

    private readonly Lock _forbidding = new();
    private long _forbiddenArrival;

    public SourceLimiter Limiter { get; } = new(options.MessagesPerSource);

    public TrunkTable Trunks { get; } = trunks;

    /// <summary>Whether the signalling thread is behind: streams are read later, datagrams dropped.</summary>
    public bool IsFlooded => loop.IsFlooded;

    public long Now => time.GetElapsedTime(0).Ticks;

    /// <summary>The trunk of this source if it may send now, else null (counted): then nothing is answered. The cheapest question comes first.</summary>
    /// <param name="proven">Whether the source is that of a stream connection, which cannot be forged.</param>
    /// <param name="secure">Whether it speaks TLS, or is about to.</param>
    public EdgeTrunk? Admit(in SourceAddress source, bool proven, bool secure = false)
    {
        if (IsBlocked(source)) return null;
        if (!Limiter.Allow(Now, source.Prefix))
        {
            SipMetrics.RateLimited.Inc();
            return null;
        }
        if (Trunks.Find(source, secure) is not { } trunk)
        {
            SipMetrics.UnknownSource.Inc();
            reputation.Offend(source, SourceOffence.UnknownSource, proven);
            return null;
        }
        if (!loop.IsFlooded) return trunk;
        SipMetrics.Overload.Inc();
        return null;
    }

    /// <summary>Whether a source may connect: a trunk's, or one that may still prove to be a trunk's.</summary>
    public bool AdmitConnection(in SourceAddress source, bool secure, bool mayProve)
    {
        if (!mayProve) return Admit(source, proven: true, secure) is not null;
        if (IsBlocked(source)) return false;
        if (Limiter.Allow(Now, source.Prefix)) return true;
        SipMetrics.RateLimited.Inc();
        return false;
    }

    /// <summary>The trunk as which a stream comes in; null, and counted, for one that proved to be nobody's.</summary>
    public EdgeTrunk? TrunkOf(in SourceAddress source, bool secure, TlsPeer? verified)
    {
        if (Trunks.Find(source, secure, verified?.Trunks) is { } trunk) return trunk;
        SipMetrics.UnknownSource.Inc();
        reputation.Offend(source, SourceOffence.UnknownSource, proven: true);
        return null;
    }

    /// <summary>Waits until a message of this stream may be taken.</summary>
    /// <exception cref="ConnectionAbortedException">That would take too long, or the source is not listened to any more.</exception>
    public async ValueTask Pace(SourceAddress source)
    {
        if (IsBlocked(source)) throw new ConnectionAbortedException();
        while (IsFlooded) await Task.Delay(s_floodPause, time);
        var decision = Limiter.Take(Now, source.Prefix);
        while (!decision.Allowed)
        {
            SipMetrics.RateLimited.Inc();
            if (decision.RetryAfter > s_mostWait) throw new ConnectionAbortedException();
            await Task.Delay(decision.RetryAfter + TimeSpan.FromMilliseconds(1), time);
            decision = Limiter.Take(Now, source.Prefix);
        }
    }

    /// <summary>Whether nothing of this source is listened to (counted).</summary>
    public bool IsBlocked(in SourceAddress source)
    {
        if (!reputation.IsBlocked(source)) return false;
        SipMetrics.Blocked.Inc();
        return true;
    }

    /// <summary>Tells a source that is no trunk's so, where that is wished (<see cref="UnknownSources.Forbidden"/>): 403 without state, and not many a second. What it sent must be a request.</summary>
    public void Forbid(in SourceAddress source, ReadOnlyMemory<byte> datagram)
    {
        tap.NotListenedTo(datagram.Span, source);
        if (options.UnknownSources != UnknownSources.Forbidden || IsBlocked(source) || Trunks.Find(source) is not null) return;
        lock (_forbidding)
        {
            var decision = Gcra.Decide(Now, s_forbidden, _forbiddenArrival);
            if (!decision.Allowed) return;
            _forbiddenArrival = decision.TheoreticalArrival;
        }
        if (SipParser.Parse(datagram).Message is not SipRequest { Method: not SipMethods.Ack } request) return;
        var stranger = new SipPeer(SipTransport.Udp, source.ToEndPoint(), 0, s_nobody);
        request.StampSource(stranger.EndPoint.Address, stranger.EndPoint.Port);
        transports.Send(new SipSend(NextHop.OfResponses(request, stranger), SipWriter.ToBytes(SipResponses.For(request, 403, s_tags.Of(request))), request.Method));
    }

    /// <summary>Bytes of a peer: a message, or a request that is owed an answer, goes on.</summary>
    /// <param name="framed">Whether it is exactly one message of a stream, as <see cref="SipFramer"/> cut it.</param>
    public void Take(ReadOnlyMemory<byte> bytes, SipPeer peer, bool framed = false)
    {
        var result = framed ? SipParser.ParseFramed(bytes) : SipParser.Parse(bytes);
        if (result.Rejection == SipRejection.KeepAlive) return;
        tap.Received(bytes.Span, result.Message, peer);
        if (result.Message is { } message)
        {
            SipMetrics.Received(message is SipRequest request ? request.Method : message.CSeq.Method, peer.Transport);
            if (message is SipRequest { Method: SipMethods.Invite or SipMethods.Ack } call && IsSettled(call, peer)) return;
            loop.Post(new LoopInput(LoopInputKind.Message, message) { Peer = peer });
            return;
        }
        SipMetrics.Rejected(result.Rejection);
        // svmap's REGISTER has the contact "None": it is to get as little of an answer as its other messages.
        var isScanner = result.Answerable is { } read && ScannerSigns.IsIn(read);
        reputation.Offend(SourceAddress.Of(peer.EndPoint), isScanner ? SourceOffence.Scanner : SourceOffence.Malformed, peer.Reliable);
        if (!isScanner && result is { Answerable: { } answerable, AnswerStatus: { } status })
            loop.Post(new LoopInput(LoopInputKind.Refused, answerable) { Peer = peer, Number = status });
    }

    /// <summary>Turns a new call away when there is no place for it, and takes the ACK of that: neither costs the signalling thread anything (RFC 3261 8.2.7).</summary>
    private bool IsSettled(SipRequest request, SipPeer peer)
    {
        if (request.Method == SipMethods.Ack)
        {
            if (!marks.IsAcknowledged(request)) return false;
            AdmissionMetrics.AcksAbsorbed.Inc();
            return true;
        }
        if (request.To.Tag is not null) return false;
        var verdict = Judge(request, peer, isLast: false);
        if (verdict.IsSoon && waiting.TryAdd(isLast => JudgeAgain(request, peer, isLast))) return true;
        return IsTurnedAway(request, peer, verdict);
    }

    private GateVerdict Judge(SipRequest request, SipPeer peer, bool isLast) =>
        gate.Judge(Now, request, peer, TrunkDesk.IsCounted(peer) ? desk.CallsOf(peer.Trunk) : null, Random.Shared.NextDouble(), Random.Shared.NextDouble(), isLast);

    /// <summary>A call that waited for the lease of a limit: goes on, or is turned away.</summary>
    private bool JudgeAgain(SipRequest request, SipPeer peer, bool isLast)
    {
        var verdict = Judge(request, peer, isLast);
        if (verdict.IsSoon && !isLast) return false;
        if (!IsTurnedAway(request, peer, verdict)) loop.Post(new LoopInput(LoopInputKind.Message, request) { Peer = peer });
        return true;
    }

    private bool IsTurnedAway(SipRequest request, SipPeer peer, in GateVerdict verdict)
    {
        if (verdict.IsAdmitted) return false;
        if (verdict.Reason.Length > 0) AdmissionMetrics.Shed(verdict);
        request.StampSource(peer.EndPoint.Address, peer.EndPoint.Port);
        var response = SipResponses.For(request, verdict.Status, marks.TagOf(request));
        if (verdict.RetryAfter > 0) response.Headers.Add("Retry-After", verdict.RetryAfter.ToString(CultureInfo.InvariantCulture));
        transports.Send(new SipSend(NextHop.OfResponses(request, peer), SipWriter.ToBytes(response), request.Method));
        return true;
    }

    /// <summary>The connection ended: nothing can be sent to this peer any more.</summary>
    public void Gone(SipPeer peer) => loop.Post(new LoopInput(LoopInputKind.StreamGone) { Peer = peer });

    /// <summary>The stream is to be closed when what is queued for it was sent.</summary>
    public void Close(SipPeer peer) => loop.Post(new LoopInput(LoopInputKind.CloseStream) { Peer = peer });
}
