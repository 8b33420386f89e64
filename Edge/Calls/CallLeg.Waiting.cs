using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Calls;

/// <summary>
/// A caller whose event the cluster does not answer: its silo is gone, or the database. What plays goes on; when nothing does, the caller hears that somebody is there, until the answer comes. Keys are kept for the
/// collect that follows (<see cref="TypeAhead"/>).
/// </summary>
public sealed partial class CallLeg
{
    /// <summary>A silence that is longer than this sounds like a line that is dead. Answers take a tenth of it; the check of a PIN some more.</summary>
    private static readonly long s_mostSilence = TimeSpan.FromMilliseconds(800).Ticks;

    private static readonly PromptPart s_wait = new() { Prompt = WaitingTone.Id };

    private long _askedAt;
    private bool _isHeld;

    /// <summary>When a caller who hears nothing is to hear that we wait.</summary>
    private long HoldAt => _inFlight && !_isHeld && !IsOver && !_isBridging && _plays.IsEmpty && _sip.State == SipCallState.Answered ? _askedAt + s_mostSilence : SipTimes.Never;

    private void HoldWhenDue(long now)
    {
        if (now < HoldAt) return;
        _isHeld = true;
        _media.Hold(s_wait);
    }

    /// <summary>What is said now takes its place.</summary>
    private void EndHold()
    {
        if (!_isHeld) return;
        _isHeld = false;
        _media.Stop();
    }
}
