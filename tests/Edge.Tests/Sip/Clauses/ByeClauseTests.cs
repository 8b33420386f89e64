using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tests.Sip.Dialogs;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 15: the end of a call.</summary>
public class ByeClauseTests
{
    private static readonly byte[] s_sdp = "v=0\r\no=ours\r\n"u8.ToArray();

    [Fact]
    [Clause("15", "no BYE is sent outside of a dialog")]
    public void Giving_up_before_there_is_a_dialog_sends_no_bye()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        peer.Do(() => call.HangUp(peer.Now));
        peer.Advance(33);
        peer.Answer(peer.Take("INVITE").Request, 486);
        Assert.Equal(0, peer.Count("BYE"));
        Assert.All(Exchange.Requests().Where(request => request.Method == "BYE"), bye => Assert.NotNull(bye.To.Tag));
    }

    [Fact]
    [Clause("15", "a callee sends no BYE in an early dialog")]
    public void A_callee_that_hangs_up_while_it_rings_refuses()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal("100 180 480", peer.Names());
        peer.Advance(40);
        Assert.Equal(0, peer.Count("BYE"));
    }

    [Fact]
    [Clause("15", "a callee sends no BYE before the ACK of its 2xx or the time-out of the transaction")]
    public void A_callee_that_hangs_up_after_its_200_waits_for_the_ack_or_its_time_out()
    {
        var peer = new VirtualPeer();
        peer.Invite(callId: "acked");
        var acked = peer.Signals[^1].Call;
        peer.Do(() => acked.Answer(peer.Now, s_sdp));
        peer.Do(() => acked.HangUp(peer.Now));
        peer.Invite(callId: "silent");
        var silent = peer.Signals[^1].Call;
        peer.Do(() => silent.Answer(peer.Now, s_sdp));
        peer.Do(() => silent.HangUp(peer.Now));
        Assert.Equal(0, peer.Count("BYE"));
        peer.Advance(5);
        peer.Request(acked, "ACK", 1);
        Assert.Equal("acked", peer.Take("BYE").Request.CallId);
        peer.Advance(26.9);
        Assert.DoesNotContain(peer.Sent, sending => sending.Message.CSeq.Method == "BYE" && sending.Message.CallId == "silent");
        peer.Advance(0.2);
        Assert.Contains(peer.Sent, sending => sending.Message.CSeq.Method == "BYE" && sending.Message.CallId == "silent");
    }

    [Fact]
    [Clause("15.1.1", "with the BYE the session is over: nothing is sent or heard any more")]
    public void Media_ends_with_the_bye_and_not_with_its_answer()
    {
        var call = new VirtualCall().Connect();
        Assert.False(call.Media.Disposed);
        call.HangUp(CallEndReason.OperatorHungUp);
        Assert.Equal("BYE", call.LastRequest.Method);
        Assert.True(call.Media.Disposed);
        Assert.Equal(0, call.Agent.Calls);
    }

    [Theory]
    [InlineData(481)]
    [InlineData(408)]
    [InlineData(0)]
    [Clause("15.1.1", "481, 408 or no answer to BYE end the dialog too")]
    public void A_bye_that_is_not_answered_well_ends_the_dialog_all_the_same(int status)
    {
        var peer = new VirtualPeer();
        var call = peer.Connected();
        peer.Do(() => call.HangUp(peer.Now));
        if (status != 0) peer.Answer(peer.Take("BYE").Request, status, null);
        peer.Advance(40);
        Assert.Equal((SipCallState.Ended, 0, 0), (call.State, peer.Agent.Calls, peer.Agent.Transactions));
        peer.Request(call, "OPTIONS", 1, extra: "X: y\r\n");
        peer.Request(call, "INFO", 2);
        peer.Take("481");
    }

    [Fact]
    [Clause("15.1.2", "a BYE is processed as a request inside of a dialog")]
    [Clause("15.1.2", "a BYE gets a 2xx")]
    public void A_bye_in_its_order_gets_200_and_one_out_of_order_ends_nothing()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        peer.Request(call, "OPTIONS", 5);
        peer.Request(call, "BYE", 4);
        Assert.Equal("200 500", peer.Names());
        Assert.Equal(SipCallState.Answered, call.State);
        peer.Request(call, "BYE", 6, branch: "bye");
        Assert.Equal((200, SipCallState.Ended), (peer.Take("200 BYE").Response.Status, call.State));
        peer.Request(call, "BYE", 6, branch: "bye");
        peer.Take("200 BYE");
        Assert.Equal("HungUp", peer.Kinds());
    }

    [Theory]
    [InlineData("INVITE", true)]
    [InlineData("UPDATE", true)]
    [InlineData("REFER", true)]
    [InlineData("INVITE", false)]
    [InlineData("REFER", false)]
    [Clause("15.1.2", "what is pending in the dialog is answered still")]
    public void What_is_pending_when_a_call_ends_gets_487(string method, bool byPeer)
    {
        var peer = new VirtualPeer();
        var call = peer.Serve();
        call.TakesRefers = true;
        peer.Request(call, method, 2, method == "REFER" ? "" : VirtualPeer.Offer, method == "REFER" ? "Refer-To: <sip:x@192.0.2.9>\r\n" : "");
        if (byPeer) peer.Request(call, "BYE", 3);
        else peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal(call.Dialog.Id.LocalTag, peer.Take("487 " + method).Response.To.Tag);
        Assert.Equal(1, peer.Count(byPeer ? "200 BYE" : "BYE"));
    }

    [Fact]
    [Clause("15.1.2", "what is pending in the dialog is answered still")]
    public void An_invite_that_is_not_answered_when_its_caller_sends_bye_gets_487()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Request(call, "BYE", 2);
        peer.Take("487 INVITE");
        peer.Take("200 BYE");
        Assert.Equal((CallSignalKind.HungUp, 0), (peer.Signals[^1].Kind, peer.Agent.Calls));
    }
}
