using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>What differs in a call of our own, which begins as it was answered.</summary>
public sealed partial class CallLeg
{
    /// <summary>When a call of our own has used up what was set aside for it; of a call that came in, never.</summary>
    public long EndBy { get; init; } = SipTimes.Never;

    private bool IsOriginated => EndBy != SipTimes.Never;

    private void TickOriginated(long now)
    {
        if (IsOriginated && now >= EndBy) HangUp(now, CallEndReason.LimitReached, SipReason.NormalClearing);
    }

    /// <summary>For what is charged: from the answer, with which a call of our own begins, to its end.</summary>
    private BridgeResult? OriginatedResult(long now) =>
        IsOriginated ? new BridgeResult { Outcome = BridgeOutcome.Answered, Status = 200, Talked = TimeSpan.FromTicks(now - _offeredAt) } : null;

    /// <summary>What was answered cannot be refused any more: it is ended.</summary>
    private void Refuse(long now, Reject reject)
    {
        if (_sip.State == SipCallState.Offered) _sip.Reject(now, reject.Status, reject.RetryAfter);
        else _sip.HangUp(now);
        WasUnknown = reject.Status == 404 && !IsOriginated;
        _observer.Rejected("cluster_refused");
        End(now, CallEndReason.FlowHungUp);
    }
}
