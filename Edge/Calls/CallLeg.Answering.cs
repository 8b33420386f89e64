using System.Security.Cryptography;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Calls;

/// <summary>What the caller's side is told and played before the call is answered, and when the answer comes.</summary>
public sealed partial class CallLeg
{
    /// <summary>Longest time that a caller hears us before the answer, whatever is ordered: carriers do not charge for it, and end it themselves after a minute or two.</summary>
    private static readonly long s_mostEarly = TimeSpan.FromSeconds(60).Ticks;

    private long _ringUntil = SipTimes.Never;
    private long _earlyUntil = SipTimes.Never;
    private long? _putOffAt;
    private bool _isAnswerNext;
    private bool _isAnswering;

    /// <summary>Whether the next order waits: it rings, or the 200 waits for the PRACK of the 183 (RFC 3262 3).</summary>
    private bool AwaitsAnswer => _ringUntil != SipTimes.Never || (_isAnswering && _sip.State == SipCallState.Offered);

    private void Ring(long now, TimeSpan time)
    {
        if (!IsOpen) return;
        _putOffAt ??= now;
        _sip.Progress(now, 180);
        _ringUntil = now + Math.Min(time.Ticks, s_mostEarly);
    }

    /// <summary>183 with our answer to the offer: from here on the caller hears us. Where the INVITE brought no offer the call is answered, for there is nobody yet to be heard by.</summary>
    private void SpeakEarly(long now, TimeSpan most)
    {
        if (!IsOpen) return;
        if (!_sip.HasOffer)
        {
            AnswerCall(now);
            return;
        }
        _putOffAt ??= now;
        _sip.Progress(now, 183, _sdp);
        _media.Start();
        _earlyUntil = now + Math.Min(most.Ticks, s_mostEarly);
    }

    /// <summary>Answers; what is heard before the answer is heard to its end.</summary>
    private void AnswerWhenHeard(long now)
    {
        if (_earlyUntil == SipTimes.Never)
        {
            AnswerCall(now);
            return;
        }
        _isAnswerNext = true;
        WhenSilent(now, at =>
        {
            AnswerCall(at);
            Run(at);
        });
    }

    private void AnswerCall(long now)
    {
        if (!IsOpen) return;
        _isAnswering = true;
        _earlyUntil = SipTimes.Never;
        _sip.Answer(now, _sdp);
        ForgetSdp();
        _media.Start();
        // What the flow puts off is no delay of ours.
        _observer.Answered((_putOffAt ?? now) - _offeredAt);
    }

    private bool IsOpen => _sip.State == SipCallState.Offered && !_isAnswering;

    private void TickAnswer(long now)
    {
        if (now >= _ringUntil)
        {
            _ringUntil = SipTimes.Never;
            Run(now);
        }
        if (now < _earlyUntil) return;
        _earlyUntil = SipTimes.Never;
        // Nobody is heard for ever at no charge. What comes next, comes now: the answer, while the prompt goes on, or the end.
        if (_isAnswerNext) AnswerCall(now);
        else HangUp(now, FlowReason());
    }

    /// <summary>It holds our SRTP key and is not needed again.</summary>
    private void ForgetSdp()
    {
        CryptographicOperations.ZeroMemory(_sdp);
        _sdp = [];
    }
}
