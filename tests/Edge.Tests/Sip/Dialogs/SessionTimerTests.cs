using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

/// <summary>RFC 4028.</summary>
public class SessionTimerTests
{
    [Fact]
    public void A_session_that_is_too_short_gets_422_with_what_we_take()
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: "Supported: timer\r\nSession-Expires: 60\r\n");
        Assert.Equal("90", peer.Take("422").Response.Headers.First("Min-SE"));
        Assert.Equal(0, peer.Agent.Calls);
    }

    [Theory]
    [InlineData("Supported: timer\r\nSession-Expires: 200;refresher=uac\r\n", "200;refresher=uac", true)]
    [InlineData("Supported: timer\r\nSession-Expires: 200\r\n", "200;refresher=uas", false)]
    [InlineData("Supported: timer\r\n", "1800;refresher=uas", false)]
    [InlineData("Session-Expires: 60\r\n", "90;refresher=uas", false)]
    [InlineData("", null, false)]
    public void The_200_says_how_long_and_who_refreshes(string extra, string? expires, bool required)
    {
        var peer = new VirtualPeer();
        peer.Invite(extra: extra);
        peer.Do(() => peer.Signals[0].Call.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        var answer = peer.Take("200").Response;
        Assert.Equal(expires, answer.Headers.First("Session-Expires"));
        Assert.Equal(required, answer.Lists("Require", "timer"));
    }

    [Fact]
    public void We_refresh_by_update_at_half_time_and_each_refresh_begins_anew()
    {
        var peer = new VirtualPeer();
        peer.Serve("Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: 200;refresher=uas\r\n");
        peer.Advance(99);
        Assert.Equal("", peer.Names());
        peer.Advance(2);
        var update = peer.Take("UPDATE").Request;
        Assert.Equal(("200;refresher=uac", true), (update.Headers.First("Session-Expires"), update.Body.IsEmpty));
        peer.Answer(update, 200, null, extra: "Session-Expires: 200;refresher=uac\r\nRequire: timer\r\n");
        peer.Advance(101);
        peer.Take("UPDATE");
        Assert.Empty(peer.Signals);
    }

    [Fact]
    public void A_peer_without_update_is_asked_by_re_invite_for_its_offer()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve("Supported: timer\r\nAllow: INVITE, BYE\r\nSession-Expires: 200;refresher=uas\r\n");
        peer.Advance(101);
        var invite = peer.Take("INVITE").Request;
        Assert.True(invite.Body.IsEmpty);
        peer.Answer(invite, 200, null, VirtualPeer.Offer, "Session-Expires: 200;refresher=uac\r\n");
        Assert.Equal("Reoffered", peer.Kinds());
        peer.Do(() => call.AnswerOffer(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Take("ACK");
    }

    [Fact]
    public void A_session_that_its_peer_does_not_refresh_ends_shortly_before_its_time()
    {
        var peer = new VirtualPeer();
        var call = peer.Serve("Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n");
        peer.Advance(200);
        peer.Request(call, "UPDATE", 2, extra: "Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n");
        peer.Take("200 UPDATE");
        peer.Advance(267);
        Assert.Equal("", peer.Names());
        peer.Advance(2);
        Assert.Equal("Q.850;cause=102", peer.Take("BYE").Request.Headers.First("Reason"));
        Assert.Equal("Lost", peer.Kinds());
    }

    [Fact]
    public void As_caller_we_ask_for_half_an_hour_and_take_a_longer_interval_once_when_told()
    {
        var peer = new VirtualPeer(policy: new UserAgentPolicy { SessionSeconds = 200 });
        peer.Dial();
        var invite = peer.Take("INVITE").Request;
        Assert.Equal("200", invite.Headers.First("Session-Expires"));
        Assert.True(invite.Lists("Supported", "timer"));
        peer.Answer(invite, 422, "x", extra: "Min-SE: 600\r\n");
        peer.Take("ACK");
        var again = peer.Take("INVITE").Request;
        Assert.Equal(("600", "600", invite.CSeq.Number + 1), (again.Headers.First("Session-Expires"), again.Headers.First("Min-SE"), again.CSeq.Number));
        peer.Answer(again, 422, "x", extra: "Min-SE: 900\r\n");
        Assert.Equal((CallSignalKind.Refused, 422), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal(1800u, new UserAgentPolicy().SessionSeconds);
    }

    [Theory]
    [InlineData("Session-Expires: 200;refresher=uac\r\nAllow: UPDATE\r\n", "UPDATE")]
    [InlineData("Session-Expires: 200;refresher=uas\r\nAllow: UPDATE\r\n", "")]
    [InlineData("Allow: UPDATE\r\n", "")]
    public void As_caller_we_refresh_when_the_200_says_so(string extra, string sent)
    {
        var peer = new VirtualPeer();
        peer.Connected(extra);
        peer.Advance(105);
        Assert.Equal(sent, string.Join(' ', peer.Names().Split(' ').Distinct()));
    }

    [Fact]
    public void A_refresh_that_finds_no_dialog_ends_the_call()
    {
        var peer = new VirtualPeer();
        peer.Connected("Session-Expires: 200;refresher=uac\r\nAllow: UPDATE\r\n");
        peer.Advance(101);
        peer.Answer(peer.Take("UPDATE").Request, 481, null);
        Assert.Equal("Lost", peer.Kinds());
        peer.Take("BYE");
    }

    [Fact]
    public void No_call_lasts_longer_than_the_longest()
    {
        var peer = new VirtualPeer(policy: new UserAgentPolicy { MostCallLength = TimeSpan.FromMinutes(10).Ticks });
        peer.Serve();
        peer.Advance(599);
        Assert.Empty(peer.Signals);
        peer.Advance(2);
        Assert.Equal("LimitReached", peer.Kinds());
        peer.Take("BYE");
    }
}
