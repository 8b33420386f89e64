using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 11: OPTIONS.</summary>
public class OptionsClauseTests
{
    [Fact]
    [Clause("11", "OPTIONS is supported")]
    public void Options_is_asked_and_answered_in_and_outside_of_calls()
    {
        var peer = new VirtualPeer();
        peer.Request("OPTIONS", 1, callId: "outside");
        Assert.Equal((peer.Agent.Allow, "application/sdp", "identity"),
            (peer.Sent[0].Message.Headers.First("Allow"), peer.Sent[0].Message.Headers.First("Accept"), peer.Sent[0].Message.Headers.First("Accept-Encoding")));
        var call = peer.Serve();
        peer.Request(call, "OPTIONS", 2);
        Assert.Equal(call.Dialog.Id.LocalTag, peer.Sent[^1].Response.To.Tag);
        Assert.Equal(SipCallState.Answered, call.State);
        Assert.Contains(Exchange.Requests(), request => request.Method == "OPTIONS");
    }

    [Theory]
    [InlineData("", "200")]
    [InlineData("Require: nonsense\r\n", "420")]
    [Clause("11.2", "the response to OPTIONS is the one that an INVITE would get")]
    public void Options_is_answered_as_an_invite_would_be(string extra, string free)
    {
        var peer = new VirtualPeer(policy: new UserAgentPolicy { MostCallsPerTrunk = 1 });
        peer.Request("OPTIONS", 1, callId: "before", extra: extra);
        peer.Take(free);
        peer.Invite(callId: "call");
        peer.Take("100");
        peer.Request("OPTIONS", 1, callId: "full", extra: extra);
        peer.Invite(extra: extra, callId: "other");
        var (options, invite) = (peer.Sent[0].Response, peer.Sent[1].Response);
        Assert.Equal((invite.Status, invite.Headers.First("Retry-After")), (options.Status, options.Headers.First("Retry-After")));
        Assert.Equal(extra.Length > 0 ? 420 : 503, options.Status);
    }

    [Fact]
    [Clause("11.2", "the response to OPTIONS is the one that an INVITE would get")]
    public void Options_for_a_sips_uri_without_tls_is_refused_as_an_invite_is()
    {
        var peer = new VirtualPeer();
        peer.Request("OPTIONS", 1, callId: "o", scheme: "sips");
        peer.Invite(callId: "i", scheme: "sips");
        Assert.Equal("480 480", peer.Names());
    }
}
