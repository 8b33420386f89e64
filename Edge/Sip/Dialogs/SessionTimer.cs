using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

public enum SessionDue
{
    Nothing,
    Refresh,

    /// <summary>Nobody refreshed: BYE (RFC 4028 10).</summary>
    Expired,
}

/// <summary>The session timer of one call (RFC 4028): whoever refreshes does so at half time; without refresh the session ends shortly before its time.</summary>
public sealed class SessionTimer
{
    /// <summary>A BYE goes out this long before the end, or at two thirds of a short session (RFC 4028 10).</summary>
    private const uint MostMargin = 32;

    private long _refreshAt = SipTimes.Never;
    private long _expiresAt = SipTimes.Never;

    public bool IsOn => _expiresAt != SipTimes.Never;

    public uint Seconds { get; private set; }

    public bool WeRefresh { get; private set; }

    public long NextDeadline => Math.Min(_refreshAt, _expiresAt);

    /// <summary>What a 2xx said, ours or theirs, begins the interval anew; one without Session-Expires turns the timer off (RFC 4028 7.2).</summary>
    /// <param name="weAsked">Whether the request was ours, so that "uac" is us.</param>
    public void Agreed(long now, SessionExpires? expires, bool weAsked)
    {
        (_refreshAt, _expiresAt) = (SipTimes.Never, SipTimes.Never);
        if (expires is not { } agreed) return;
        Seconds = Math.Max(agreed.Seconds, SessionExpires.LeastMinimum);
        WeRefresh = agreed.Refresher == (weAsked ? Refresher.Uac : Refresher.Uas);
        _expiresAt = now + (Seconds - Math.Min(MostMargin, Seconds / 3)) * TimeSpan.TicksPerSecond;
        if (WeRefresh) _refreshAt = now + Seconds * TimeSpan.TicksPerSecond / 2;
    }

    public void Stop() => (_refreshAt, _expiresAt) = (SipTimes.Never, SipTimes.Never);

    public SessionDue Handle(long now)
    {
        if (now >= _expiresAt)
        {
            Stop();
            return SessionDue.Expired;
        }
        if (now < _refreshAt) return SessionDue.Nothing;
        _refreshAt = SipTimes.Never;
        return SessionDue.Refresh;
    }

    /// <summary>
    /// What we answer to an INVITE or UPDATE (RFC 4028 9): null for no timer. The interval is theirs where they gave one; who refreshes is
    /// whom they name, else we. A peer that knows no timers is asked for none unless a proxy did.
    /// </summary>
    public static SessionExpires? Answer(SipRequest request, UserAgentPolicy policy)
    {
        var knows = request.Lists(SipHeaderNames.Supported, OptionTags.Timer);
        if (SessionExpires.Read(request) is not { } asked)
            return knows ? new SessionExpires(Math.Max(policy.SessionSeconds, SessionExpires.Minimum(request)), Refresher.Uas) : null;
        var seconds = Math.Max(asked.Seconds, policy.LeastSessionSeconds);
        return new SessionExpires(seconds, knows && asked.Refresher == Refresher.Uac ? Refresher.Uac : Refresher.Uas);
    }

    /// <summary>Whether a request asks for less than we take, of one who understands a 422 (RFC 4028 9).</summary>
    public static bool IsTooSmall(SipRequest request, UserAgentPolicy policy) =>
        SessionExpires.Read(request) is { } asked && asked.Seconds < policy.LeastSessionSeconds && request.Lists(SipHeaderNames.Supported, OptionTags.Timer);
}
