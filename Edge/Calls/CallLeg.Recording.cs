using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Edge.Calls;

/// <summary>The call's recording, and when it must be silent.</summary>
public sealed partial class CallLeg
{
    /// <summary>How long a recording stays silent after a secret was keyed: the last key may be held down, and its tones are in the audio.</summary>
    private static readonly long s_afterSecret = TimeSpan.FromSeconds(2).Ticks;

    /// <summary>How long a call waits for its recording, in silence: a little longer than the cluster is given. A disk that hangs has no end of its own.</summary>
    private static readonly long s_recordingPatience = TimeSpan.FromSeconds(5).Ticks;

    private RecordingId? _recordingAsked;
    private RecordingId? _recordingAwaited;
    private long _recordingBy = SipTimes.Never;
    private Hush _hush;
    private long _hushedUntil = SipTimes.Never;

    /// <summary>A recording that is to be begun. Answer by <see cref="RecordingBegan"/>.</summary>
    public bool TryTakeRecording(out RecordingId recording)
    {
        recording = _recordingAsked.GetValueOrDefault();
        var isAsked = _recordingAsked is not null;
        _recordingAsked = null;
        return isAsked;
    }

    /// <summary>It goes on from here, or (null) there is none. One that comes too late is ended at once.</summary>
    public void RecordingBegan(RecordingId id, CallRecording? recording)
    {
        if (IsOver || _recordingAwaited != id)
        {
            recording?.Finish();
            return;
        }
        (_recordingAwaited, _recordingBy) = (null, SipTimes.Never);
        if (recording is not null) _media.Record(recording);
        Raise(new LegEvent(new RecordingBegun { Seq = NextSequence(), Begun = recording is not null }));
    }

    private void AskForRecording(long now, RecordingId recording)
    {
        _recordingAwaited = recording;
        _recordingBy = now + s_recordingPatience;
        if (_sip.State == SipCallState.Answered) _recordingAsked = recording;
        else RecordingBegan(recording, null);
    }

    /// <summary>
    /// Has the recording silent while a secret may be keyed: in a secret collect and shortly after, and wherever it is not known what a key is for, which is while the
    /// cluster is asked what comes next, and while keys that were typed ahead wait for that.
    /// </summary>
    private void HushWhereDue()
    {
        var due = _collect is { Secret: true } || _hushedUntil != SipTimes.Never || (_typeAhead.Count > 0 && !_isBridging) ? Hush.LookingBack
            : _inFlight || _events.Count > 0 ? Hush.FromNow
            : Hush.No;
        if (due == _hush || IsOver) return;
        _hush = due;
        _media.SetHush(due);
    }

    private void SecretKeyed(long now) => _hushedUntil = now + s_afterSecret;

    private void EndHush(long now)
    {
        if (now >= _hushedUntil) _hushedUntil = SipTimes.Never;
    }
}
