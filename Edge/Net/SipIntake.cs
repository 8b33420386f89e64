using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Net;

/// <summary>What all listeners do with a message: the limit and the trunk of its source first, then parse it and hand it to the signalling thread.</summary>
internal sealed class SipIntake(EdgeOptions options, EdgeLoop loop, SourceReputation reputation, TimeProvider time)
{
    public SourceLimiter Limiter { get; } = new(options.MessagesPerSource);

    public TrunkTable Trunks { get; } = new(options.Trunks);

    /// <summary>Whether the signalling thread is behind: streams are read later, datagrams dropped.</summary>
    public bool IsFlooded => loop.IsFlooded;

    public long Now => time.GetElapsedTime(0).Ticks;

    /// <summary>The trunk of this source if it may send now, else null (counted): then nothing is answered. The cheapest question comes first.</summary>
    /// <param name="proven">Whether the source is that of a stream connection, which cannot be forged.</param>
    public EdgeTrunk? Admit(in SourceAddress source, bool proven)
    {
        if (IsBlocked(source)) return null;
        if (!Limiter.Allow(Now, source.Prefix))
        {
            SipMetrics.RateLimited.Inc();
            return null;
        }
        if (Trunks.Find(source) is not { } trunk)
        {
            SipMetrics.UnknownSource.Inc();
            reputation.Offend(source, SourceOffence.UnknownSource, proven);
            return null;
        }
        if (!loop.IsFlooded) return trunk;
        SipMetrics.Overload.Inc();
        return null;
    }

    /// <summary>Whether nothing of this source is listened to (counted).</summary>
    public bool IsBlocked(in SourceAddress source)
    {
        if (!reputation.IsBlocked(source)) return false;
        SipMetrics.Blocked.Inc();
        return true;
    }

    /// <summary>Parsed bytes of a peer: a message, or a request that is owed an answer, goes on.</summary>
    public void Take(in SipParseResult result, SipPeer peer)
    {
        if (result.Message is { } message)
        {
            SipMetrics.Received(message is SipRequest request ? request.Method : message.CSeq.Method, peer.Transport);
            loop.Post(new LoopInput(LoopInputKind.Message, message) { Peer = peer });
            return;
        }
        if (result.Rejection == SipRejection.KeepAlive) return;
        SipMetrics.Rejected(result.Rejection);
        reputation.Offend(SourceAddress.Of(peer.EndPoint), SourceOffence.Malformed, peer.Reliable);
        if (result is { Answerable: { } answerable, AnswerStatus: { } status })
            loop.Post(new LoopInput(LoopInputKind.Refused, answerable) { Peer = peer, Number = status });
    }

    /// <summary>The connection ended: nothing can be sent to this peer any more.</summary>
    public void Gone(SipPeer peer) => loop.Post(new LoopInput(LoopInputKind.StreamGone) { Peer = peer });

    /// <summary>The stream is to be closed when what is queued for it was sent.</summary>
    public void Close(SipPeer peer) => loop.Post(new LoopInput(LoopInputKind.CloseStream) { Peer = peer });
}
