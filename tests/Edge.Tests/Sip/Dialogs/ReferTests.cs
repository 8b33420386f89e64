using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

/// <summary>REFER (RFC 3515, 4488, 3892) and Replaces (RFC 3891).</summary>
public class ReferTests
{
    private const string ReferTo = "Refer-To: <sip:+1900@evil.example>\r\n";

    [Fact]
    public void A_strangers_refer_is_declined_and_nobody_hears_of_it()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "REFER", 2, extra: ReferTo);
        peer.Take("603");
        Assert.Empty(peer.Signals);
    }

    [Fact]
    public void A_refer_outside_of_a_call_is_forbidden()
    {
        var peer = new VirtualPeer();
        peer.Request("REFER", 1, extra: ReferTo);
        peer.Take("403");
    }

    [Fact]
    public void An_accepted_refer_gets_202_and_notifies_until_a_final_status()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesRefers = true;
        peer.Request(call, "REFER", 2, extra: "Refer-To: <sip:agent@192.0.2.9>\r\n");
        Assert.Equal((CallSignalKind.ReferAsked, "sip:agent@192.0.2.9"), (peer.Signals[0].Kind, peer.Signals[0].Target!.ToString()));
        peer.Do(() => call.AcceptRefer(peer.Now));
        peer.Take("202");
        var trying = peer.Take("NOTIFY").Request;
        Assert.Equal(("refer;id=2", "SIP/2.0 100 Trying\r\n"), (trying.Headers.First("Event"), Encoding.ASCII.GetString(trying.Body.Span)));
        Assert.StartsWith("active", trying.Headers.First("Subscription-State"), StringComparison.Ordinal);
        peer.Answer(trying, 200, null);
        peer.Request(call, "REFER", 3, extra: ReferTo);
        peer.Take("491");
        peer.Do(() => call.NotifyRefer(peer.Now, 200));
        var done = peer.Take("NOTIFY").Request;
        Assert.Equal(("terminated;reason=noresource", "SIP/2.0 200 OK\r\n"), (done.Headers.First("Subscription-State"), Encoding.ASCII.GetString(done.Body.Span)));
        peer.Do(() => call.NotifyRefer(peer.Now, 200));
        Assert.Equal("", peer.Names());
    }

    [Fact]
    public void A_peer_that_wants_no_subscription_gets_none()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesRefers = true;
        peer.Request(call, "REFER", 2, extra: "Refer-To: <sip:agent@192.0.2.9>\r\nRequire: norefersub\r\nRefer-Sub: false\r\n");
        peer.Do(() => call.AcceptRefer(peer.Now));
        Assert.Equal("false", peer.Take("202").Response.Headers.First("Refer-Sub"));
        peer.Do(() => call.NotifyRefer(peer.Now, 200));
        Assert.Equal("", peer.Names());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n")]
    [InlineData("Refer-To: <<>\r\n")]
    public void A_refer_to_not_exactly_one_address_is_malformed(string extra)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "REFER", 2, extra: extra);
        peer.Take("400");
    }

    [Fact]
    public void A_refer_that_the_user_does_not_decide_is_declined_before_its_transaction_gives_up()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesRefers = true;
        peer.Request(call, "REFER", 2, extra: ReferTo);
        peer.Advance(21);
        peer.Take("603");
    }

    [Fact]
    public void Our_refer_can_name_the_call_whose_place_it_wants_and_who_wishes_it()
    {
        var peer = new VirtualPeer();
        var other = peer.Connected(tag: "agent");
        var call = peer.Serve();
        peer.Do(() => call.Refer(peer.Now, "sip:agent@192.0.2.9", other, "<sip:ivr@example.com>"));
        var refer = peer.Take("REFER").Request;
        Assert.Equal($"<sip:agent@192.0.2.9?Replaces={other.Dialog.Id.CallId}%3Bto-tag%3Dagent%3Bfrom-tag%3D{other.Dialog.Id.LocalTag}>", refer.Headers.First("Refer-To"));
        Assert.Equal("<sip:ivr@example.com>", refer.Headers.First("Referred-By"));
    }

    [Fact]
    public void A_call_is_replaced_when_its_user_allows_it()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesReplacement = true;
        peer.Invite(extra: $"Replaces: in1;to-tag={call.Dialog.Id.LocalTag};from-tag=caller\r\n", callId: "new", fromTag: "agent");
        var signal = Assert.Single(peer.Signals);
        Assert.Equal((CallSignalKind.ReplacedBy, call, VirtualPeer.Offer), (signal.Kind, signal.Call, Encoding.ASCII.GetString(signal.Body.Span)));
        peer.Do(() => signal.Other!.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Take("200 INVITE");
        Assert.Equal("caller", peer.Take("BYE").Request.To.Tag);
        Assert.Equal((SipCallState.Ended, SipCallState.Answered), (call.State, signal.Other!.State));
    }

    [Theory]
    [InlineData("in1;to-tag=TAG;from-tag=caller", false, 403)]
    [InlineData("in1;to-tag=TAG;from-tag=caller;early-only", true, 486)]
    [InlineData("in1;to-tag=guess;from-tag=caller", true, 481)]
    [InlineData("in1;to-tag=TAG", true, 400)]
    public void A_replacement_that_does_not_fit_is_refused(string replaces, bool allowed, int status)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesReplacement = allowed;
        peer.Invite(extra: $"Replaces: {replaces.Replace("TAG", call.Dialog.Id.LocalTag, StringComparison.Ordinal)}\r\n", callId: "new", fromTag: "agent");
        Assert.Equal(status, peer.Take(status.ToString()).Response.Status);
        Assert.Equal((1, SipCallState.Answered), (peer.Agent.Calls, call.State));
        Assert.Empty(peer.Signals);
    }

    [Fact]
    public void Another_trunk_cannot_replace_a_call_nor_learn_of_it()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesReplacement = true;
        peer.Hop = VirtualPeer.HopAt("192.0.2.9:5060", trunk: new EdgeTrunk { Name = "other", Tenant = "demo", From = [] });
        peer.Invite(extra: $"Replaces: in1;to-tag={call.Dialog.Id.LocalTag};from-tag=caller\r\n", callId: "new", fromTag: "agent");
        peer.Take("481");
    }
}
