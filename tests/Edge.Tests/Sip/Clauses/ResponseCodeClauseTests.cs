using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 21: what single response codes demand.</summary>
public class ResponseCodeClauseTests
{
    [Fact]
    [Clause("21.3.3", "the address of a 302 without expiration is used once and not remembered")]
    public void A_redirection_counts_for_its_own_call_only()
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 1);
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: "Contact: <sip:b@192.0.2.9>\r\n");
        Assert.Equal("sip:b@192.0.2.9", peer.Take("INVITE").Request.RequestUri.ToString());
        peer.Dial(redirections: 1);
        Assert.Equal("sip:+4930123@192.0.2.9", peer.Take("INVITE").Request.RequestUri.ToString());
    }

    [Theory]
    [InlineData(305)]
    [InlineData(380)]
    public void A_proxy_or_a_service_in_a_contact_is_not_called_as_if_it_were_the_callee(int status)
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 5);
        peer.Answer(peer.Take("INVITE").Request, status, contact: "", extra: "Contact: <sip:proxy@192.0.2.9>\r\n");
        Assert.Equal("ACK", peer.Names());
        Assert.Equal((CallSignalKind.Refused, status), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }

    [Fact]
    [Clause("21.4.8", "after a 407 the client authenticates itself with the proxy")]
    public void A_407_is_answered_with_credentials_for_the_proxy()
    {
        var peer = new VirtualPeer();
        peer.Dial(credentials: new AnyPassword());
        peer.Answer(peer.Take("INVITE").Request, 407, extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        var again = peer.Take("INVITE").Request;
        Assert.Equal(("Digest answer=\"1\"", null), (again.Headers.First("Proxy-Authorization"), again.Headers.First("Authorization")));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("Retry-After: 30\r\n", false)]
    [Clause("21.5.4", "a 503 without Retry-After is as good as a 500")]
    public void A_503_that_names_no_time_keeps_nobody_from_asking_again(string extra, bool isAskedNext)
    {
        var peer = new VirtualPeer();
        SipPeer[] hops = [VirtualPeer.HopAt("192.0.2.9:5060"), VirtualPeer.HopAt("192.0.2.10:5060")];
        peer.Dial(hops);
        peer.Answer(peer.Take("INVITE").Request, 503, extra: extra);
        peer.Answer(peer.Take("INVITE").Request, 486);
        peer.Dial(hops);
        Assert.Equal(isAskedNext ? "192.0.2.9:5060" : "192.0.2.10:5060", peer.Take("INVITE").To.EndPoint.ToString());
    }

    [Fact]
    public void The_only_hop_is_asked_although_it_wanted_rest_and_of_several_at_rest_the_best_once()
    {
        var peer = new VirtualPeer();
        SipPeer[] hops = [VirtualPeer.HopAt("192.0.2.9:5060"), VirtualPeer.HopAt("192.0.2.10:5060")];
        peer.Dial([hops[0]]);
        peer.Answer(peer.Take("INVITE").Request, 503, extra: "Retry-After: 30\r\n");
        Assert.Equal(503, peer.Signals[^1].Number);
        peer.Dial([hops[0]]);
        peer.Answer(peer.Take("INVITE").Request, 486);
        Assert.Equal(486, peer.Signals[^1].Number);
        peer.Dial(hops);
        peer.Answer(peer.Take("INVITE").Request, 503, extra: "Retry-After: 30\r\n");
        peer.Dial(hops);
        var asked = peer.Take("INVITE");
        Assert.Equal("192.0.2.9:5060", asked.To.EndPoint.ToString());
        peer.Answer(asked.Request, 503, extra: "Retry-After: 30\r\n");
        Assert.Equal((CallSignalKind.Refused, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }
}
