using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>The caller's half of a bridged call.</summary>
public sealed partial class CallLeg
{
    private Bridge? _bridgeAsked;
    private BridgedLeg? _other;
    private bool _isBridging;
    private BridgeResult? _bridged;

    /// <summary>Max-Forwards of the INVITE: calls that go out for it have one less, so that a call which comes back to us again and again ends (RFC 3261 16.6).</summary>
    public int MaxForwards { get; init; } = 70;

    /// <summary>What the caller wants hidden from whom the call goes on to.</summary>
    public Privacy Privacy { get; init; }

    /// <summary>A bridge that is to be begun. Answer by <see cref="Bridged"/> or <see cref="BridgeFailed"/>.</summary>
    public bool TryTakeBridge(out Bridge order)
    {
        order = _bridgeAsked!;
        _bridgeAsked = null;
        return order is not null;
    }

    /// <summary>Call-ID of the other half's dialog; null where there is none.</summary>
    public string? BridgedSipCallId => _other?.SipCallId;

    /// <summary>The other half is being called.</summary>
    public void Bridged(BridgedLeg other) => _other = other;

    /// <summary>It came to nothing: the flow goes on.</summary>
    public void BridgeFailed(BridgeResult result)
    {
        if (IsOver || !_isBridging) return;
        Part();
        Raise(new LegEvent(new BridgeEnded { Seq = NextSequence(), Result = result }));
    }

    /// <summary>They talked, and it is over for a reason of the other half: then it is for the caller, too.</summary>
    public void BridgeOver(long now, BridgeResult result, CallEndReason reason, SipReason? why)
    {
        if (IsOver) return;
        Part();
        _bridged = result;
        HangUp(now, reason, why);
    }

    private void AskForBridge(long now, Bridge order)
    {
        if (_sip.State != SipCallState.Answered)
        {
            HangUp(now, CallEndReason.Failed);
            return;
        }
        _isBridging = true;
        _bridgeAsked = order;
        if (order.Hold is { } sound) _media.Hold(sound);
    }

    /// <summary>The caller's half is over, and the other half with it; whose peer is still to be told.</summary>
    private BridgedLeg? EndBridge(long now)
    {
        var other = _other;
        if (other is not null) _bridged = other.End(now);
        Part();
        return other;
    }

    private void Part()
    {
        if (!_isBridging) return;
        (_isBridging, _other, _bridgeAsked) = (false, null, null);
        _media.SendOnTo(null);
        // Ringback.
        _media.Stop();
    }
}
