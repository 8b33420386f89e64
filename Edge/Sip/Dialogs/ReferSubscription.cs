using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// A REFER of the peer (RFC 3515): asked, then refused or accepted with 202, and then NOTIFYs that tell how far it came, unless the peer
/// wanted none (RFC 4488).
/// </summary>
internal sealed class ReferSubscription(SipRequest refer, ServerTransaction transaction, long now)
{
    /// <summary>The user decides within this time, before the peer's transaction gives up.</summary>
    private const long MostWait = 20 * TimeSpan.TicksPerSecond;

    /// <summary>Seconds for which a subscription lives; what it reports has an end of its own.</summary>
    private const int Expires = 180;

    private readonly uint _id = refer.CSeq.Number;
    private long _endsAt = now + MostWait;

    public SipRequest Refer { get; } = refer;

    public ServerTransaction Transaction { get; } = transaction;

    public bool IsAccepted { get; private set; }

    /// <summary>Whether the peer asked by <c>Refer-Sub: false</c> for no subscription.</summary>
    public bool IsSilent { get; } = refer.Headers.First("Refer-Sub").AsSpan().Trim().StartsWith("false", StringComparison.OrdinalIgnoreCase);

    public long NextDeadline => _endsAt;

    public SipResponse Accept(long now, string contact)
    {
        IsAccepted = true;
        _endsAt = now + Expires * TimeSpan.TicksPerSecond;
        var response = SipResponses.For(Refer, 202);
        response.Headers.Add(SipHeaderNames.Contact, contact);
        if (IsSilent) response.Headers.Add("Refer-Sub", "false");
        return response;
    }

    /// <summary>Fills a NOTIFY; a final status is the last one.</summary>
    public void Fill(SipRequest notify, int status)
    {
        notify.Headers.Add("Event", FormattableString.Invariant($"refer;id={_id}"));
        notify.Headers.Add("Subscription-State", status < 200 ? FormattableString.Invariant($"active;expires={Expires}") : "terminated;reason=noresource");
        notify.Headers.Add(SipHeaderNames.ContentType, "message/sipfrag;version=2.0");
        notify.Body = System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"SIP/2.0 {status} {SipResponses.ReasonOf(status)}\r\n"));
    }
}
