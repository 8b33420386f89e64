using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Transfers: REFERs of ours, and those of the peer (RFC 3515).</summary>
public sealed partial class SipCall
{
    /// <summary>A peer that took a REFER has this long to report its end.</summary>
    private const long ReferTimeout = 60 * TimeSpan.TicksPerSecond;

    private long _referDeadline = SipTimes.Never;
    private ReferSubscription? _referAsked;

    /// <summary>Whether a REFER was sent and is undecided.</summary>
    public bool IsReferring => _referDeadline != SipTimes.Never;

    /// <summary>Asks the peer to call <paramref name="target"/> instead.</summary>
    /// <param name="replaces">A call of ours with the target, whose place the new call is to take (attended transfer, RFC 3891).</param>
    /// <param name="referredBy">Referred-By, a name-addr (RFC 3892).</param>
    public void Refer(long now, string target, SipCall? replaces = null, string? referredBy = null)
    {
        if (State != SipCallState.Answered || IsReferring) return;
        _referDeadline = now + ReferTimeout;
        if (replaces?.Dialog.Id is { } other)
            target += (target.Contains('?', StringComparison.Ordinal) ? "&" : "?") + new ReplacesHeader(other.CallId, other.RemoteTag, other.LocalTag, false).ToUriHeader();
        Request(now, SipMethods.Refer, refer =>
        {
            refer.Headers.Add("Refer-To", $"<{target}>");
            if (referredBy is not null) refer.Headers.Add("Referred-By", referredBy);
        }, ReferAnswered);
        _agent.Schedule(this);
    }

    /// <summary>Accepts a <see cref="CallSignalKind.ReferAsked"/>; tell by <see cref="NotifyRefer"/> how far it came.</summary>
    public void AcceptRefer(long now)
    {
        if (_referAsked is not { IsAccepted: false } asked) return;
        _agent.Respond(now, asked.Transaction, asked.Accept(now, _agent.ContactFor(Peer, Dialog.IsSecure)));
        if (asked.IsSilent) _referAsked = null;
        // RFC 3515 2.4.4: one NOTIFY follows at once.
        else NotifyRefer(now, 100);
        _agent.Schedule(this);
    }

    public void RefuseRefer(long now, int status)
    {
        if (_referAsked is not { IsAccepted: false } asked) return;
        _referAsked = null;
        _agent.Respond(now, asked.Transaction, asked.Refer, status);
    }

    /// <summary>Tells the peer what became of what it asked for; a final status is the last one.</summary>
    public void NotifyRefer(long now, int status)
    {
        if (_referAsked is not { IsAccepted: true } asked || State != SipCallState.Answered) return;
        if (status >= 200) _referAsked = null;
        Request(now, SipMethods.Notify, notify => asked.Fill(notify, status), (at, answered, _) =>
        {
            if (answered >= 300) _referAsked = null;
            // RFC 5057 5.1: only these end more than the subscription; 481 to NOTIFY ends it alone.
            if (answered == 408) Lose(at, null);
        });
    }

    private void ReferredByPeer(long now, SipRequest refer, ServerTransaction transaction)
    {
        var targets = refer.Headers.All("Refer-To").ToArray();
        if (targets.Length != 1 || !NameAddress.TryParse(targets[0], out var target)) _agent.Respond(now, transaction, refer, 400);
        else if (!TakesRefers || State != SipCallState.Answered) _agent.Respond(now, transaction, refer, 603);
        else if (_referAsked is not null) _agent.Respond(now, transaction, refer, 491);
        else
        {
            _referAsked = new ReferSubscription(refer, transaction, now);
            _agent.Signal(new CallSignal(this, CallSignalKind.ReferAsked) { Target = target.Uri });
        }
    }

    private void TickRefers(long now)
    {
        if (now >= _referDeadline) Referred(408);
        if (_referAsked is not { } asked || now < asked.NextDeadline) return;
        RefuseRefer(now, 603);
        NotifyRefer(now, 408);
        _referAsked = null;
    }

    private void ReferAnswered(long now, int status, SipResponse? response)
    {
        if (State >= SipCallState.Ending || status is >= 200 and < 300) return;
        Referred(status);
        // RFC 3261 12.2.1.2: these mean that the other side has no such dialog any more.
        if (status is 481 or 408) Lose(now, null);
    }

    private void Notify(long now, SipRequest request, ServerTransaction transaction)
    {
        var package = request.Headers.First("Event").AsSpan();
        var end = package.IndexOf(';');
        if (!(end < 0 ? package : package[..end]).Trim().Equals("refer", StringComparison.OrdinalIgnoreCase))
        {
            _agent.Respond(now, transaction, request, 489);
            return;
        }
        if (!IsReferring)
        {
            _agent.Respond(now, transaction, request, 481);
            return;
        }
        _agent.Respond(now, transaction, request, 200);
        var status = Sipfrag.StatusOf(request.Body.Span);
        var terminated = request.Headers.First("Subscription-State").AsSpan().TrimStart().StartsWith("terminated", StringComparison.OrdinalIgnoreCase);
        if (status >= 200) Referred(status.Value);
        else if (terminated) Referred(408);
    }

    private void Referred(int status)
    {
        if (!IsReferring) return;
        _referDeadline = SipTimes.Never;
        _agent.Signal(new CallSignal(this, CallSignalKind.Referred) { Number = status });
    }
}
