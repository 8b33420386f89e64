using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Clauses;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public class CallerIdentityTests
{
    private static SipRequest Invite(string headers) => (SipRequest)SipParser.Parse(Samples.Request("INVITE", headers)).Message!;

    private const string All = "P-Asserted-Identity: \"Ann\" <sip:+4930111@carrier.example>, <tel:+4930111>\r\nPrivacy: id;critical\r\n"
        + "Diversion: <sip:+4930222@carrier.example>;reason=user-busy, <sip:+4930333@carrier.example>;reason=unconditional\r\n"
        + "History-Info: <sip:bank@127.0.0.1>;index=1, <sip:ivr@127.0.0.1?Reason=SIP%3Bcause%3D302>;index=1.1\r\n";

    [Fact]
    public void A_trusted_trunk_is_believed_who_calls_and_by_which_way()
    {
        var identity = CallerIdentity.Read(Invite(All), trusted: true);
        Assert.Equal(["sip:+4930111@carrier.example", "tel:+4930111"], identity.Asserted.Select(address => address.Uri.ToString()));
        Assert.Equal(["user-busy", "unconditional"], identity.Diversions.Select(address => address.Parameters["reason"]));
        Assert.Equal(["1", "1.1"], identity.History.Select(address => address.Parameters["index"]));
        Assert.Equal(Privacy.Id | Privacy.Critical, identity.Privacy);
    }

    [Fact]
    public void Of_any_other_trunk_only_the_wish_for_privacy_counts()
    {
        var identity = CallerIdentity.Read(Invite(All), trusted: false);
        Assert.Empty(identity.Asserted);
        Assert.Empty(identity.Diversions);
        Assert.Empty(identity.History);
        Assert.True(identity.IsHidden);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("Privacy: none\r\n", false)]
    [InlineData("Privacy: session\r\n", false)]
    [InlineData("Privacy: ID\r\n", true)]
    [InlineData("Privacy: user; header\r\n", true)]
    public void A_caller_hides_by_id_user_or_header(string header, bool hidden) => Assert.Equal(hidden, CallerIdentity.Read(Invite(header), true).IsHidden);

    [Theory]
    [InlineData("Privacy: id\r\n", true, "\"Anonymous\" <sip:anonymous@anonymous.invalid>", "P-Asserted-Identity: <sip:+4930111@192.0.2.1>|Privacy: id")]
    [InlineData("Privacy: id\r\n", false, "\"Anonymous\" <sip:anonymous@anonymous.invalid>", "Privacy: id")]
    [InlineData("", true, "<sip:+4930111@192.0.2.1>", "P-Asserted-Identity: <sip:+4930111@192.0.2.1>")]
    [InlineData("", false, "<sip:+4930111@192.0.2.1>", "")]
    public void A_hidden_caller_is_told_to_a_trusted_next_hop_alone(string header, bool trusted, string from, string headers)
    {
        var leg = CallerIdentity.Read(Invite(header), true).ForOutboundLeg("+4930111", "192.0.2.1", trusted);
        Assert.Equal(from, leg.From);
        Assert.Equal(headers, string.Join('|', leg.Headers.Select(pair => $"{pair.Key}: {pair.Value}")));
    }

    [Fact]
    [Clause("19.1.2", "what a number holds beyond the user rule is escaped")]
    [Clause("25.1", "what a telephone number may hold and a user may not is escaped")]
    public void A_number_cannot_add_parameters_or_headers_to_what_an_outbound_leg_says()
    {
        var leg = CallerIdentity.Read(Invite(""), true).ForOutboundLeg("+49>;tag=x\r\nEvil: 1", "192.0.2.1", true);
        Assert.True(NameAddress.TryParse(leg.From, out var from));
        Assert.Null(from.Tag);
        Assert.DoesNotContain("\r", leg.From, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Reason: Q.850;cause=16;text=\"Normal\"\r\n", "Q.850", 16)]
    [InlineData("Reason: SIP ;cause=600, Q.850;cause=34\r\n", "Q.850", 34)]
    [InlineData("Reason: sip;cause=200\r\nReason: X;cause=9\r\n", "SIP", 200)]
    [InlineData("Reason: SIP;cause=99999999999\r\n", "SIP", null)]
    [InlineData("Reason: preemption\r\n", "preemption", null)]
    public void A_reason_is_read(string header, string protocol, int? cause) => Assert.Equal(new SipReason(protocol, cause), SipReason.Read(Invite(header)));

    [Theory]
    [InlineData("")]
    [InlineData("Reason: ;cause=1\r\n")]
    [InlineData("Reason: <script>;cause=1\r\n")]
    public void What_is_no_reason_is_none(string header) => Assert.Null(SipReason.Read(Invite(header)));

    [Theory]
    [InlineData("12 (busy);duration=3", 12)]
    [InlineData("999999", RetryAfter.MostSeconds)]
    [InlineData("soon", null)]
    public void Retry_after_is_read_and_bounded(string value, int? seconds) => Assert.Equal(seconds, RetryAfter.Read(Invite($"Retry-After: {value}\r\n")));

    [Theory]
    [InlineData("1800;refresher=uac", 1800, Refresher.Uac)]
    [InlineData("90 ; Refresher = UAS", 90, Refresher.Uas)]
    [InlineData("600", 600, Refresher.Unsaid)]
    public void A_session_timer_is_read(string value, int seconds, Refresher refresher) =>
        Assert.Equal(new SessionExpires((uint)seconds, refresher), SessionExpires.Read(Invite($"x: {value}\r\n")));

    [Theory]
    [InlineData("a@b;to-tag=1;from-tag=2", true)]
    [InlineData("a@b; from-tag=2 ;to-tag=1;early-only", true)]
    [InlineData("a@b;to-tag=1", false)]
    [InlineData(";to-tag=1;from-tag=2", false)]
    [InlineData("a@b;to-tag=;from-tag=2", false)]
    public void Replaces_needs_both_tags(string value, bool whole)
    {
        Assert.Equal(whole, ReplacesHeader.TryParse(value, out var header));
        if (whole) Assert.Equal(("a@b", "1", "2"), (header!.CallId, header.LocalTag, header.RemoteTag));
    }
}
