using System.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

public class GuardTests
{
    private sealed class Guard(Func<SipRequest, GuardDecision> decide) : IRequestGuard
    {
        public GuardDecision Decide(long now, SipRequest request, SipPeer peer) => decide(request);
    }

    private sealed class Server : IRequestServer
    {
        public SipResponse Answer(long now, SipRequest request, SipPeer peer) => SipResponses.For(request, 200, "server");
    }

    [Theory]
    [InlineData("INVITE")]
    [InlineData("OPTIONS")]
    [InlineData("REGISTER")]
    [InlineData("FROB")]
    [InlineData("CANCEL")]
    public void What_the_guard_drops_gets_no_answer_and_no_transaction(string method)
    {
        var peer = new VirtualPeer();
        peer.Agent.Guard = new Guard(_ => GuardDecision.Drop);
        peer.Request(method, 1);
        peer.Request(method, 2, toTag: "guessed");
        Assert.Equal(("", 0, 0), (peer.Names(), peer.Agent.Transactions, peer.Agent.Calls));
    }

    [Fact]
    public void A_refusal_is_sent_without_state()
    {
        var peer = new VirtualPeer();
        peer.Agent.Guard = new Guard(request => GuardDecision.Refuse(SipResponses.For(request, 401, "g")));
        peer.Invite(branch: "one");
        peer.Invite(branch: "one");
        Assert.Equal(("401 401", 0), (peer.Names(), peer.Agent.Transactions));
        peer.Request("ACK", 1, toTag: "g", branch: "one");
        Assert.Equal("401 401", peer.Names());
    }

    [Fact]
    public void A_request_in_no_dialog_that_is_not_dropped_gets_481()
    {
        var peer = new VirtualPeer();
        peer.Agent.Guard = new Guard(request => GuardDecision.Refuse(SipResponses.For(request, 401, "g")));
        peer.Request("BYE", 1, toTag: "nobody");
        Assert.Equal("481", peer.Names());
    }

    [Fact]
    public void An_allowed_sender_is_the_trunk_that_the_guard_says_also_later_in_the_dialog()
    {
        var proven = new EdgeTrunk { Name = "proven", Tenant = "demo", From = [] };
        var peer = new VirtualPeer();
        var asked = 0;
        peer.Agent.Guard = new Guard(_ =>
        {
            asked++;
            return GuardDecision.Allow(proven);
        });
        var call = peer.Serve();
        Assert.Same(proven, call.Peer.Trunk);
        peer.Request(call, "INFO", 2);
        peer.Request(call, "BYE", 3);
        Assert.Equal("200 200", peer.Names());
        Assert.Equal(1, asked);
    }

    [Theory]
    [InlineData("192.0.2.9:40001", "from", 200)]
    [InlineData("192.0.2.77:40001", "from", 481)]
    [InlineData("192.0.2.9:40001", "digest", 481)]
    [InlineData("192.0.2.9:40001", "certificate", 481)]
    public void Who_fits_the_trunk_of_a_call_may_go_on_with_it_though_the_network_names_another_one(string from, string knownBy, int status)
    {
        var account = new EdgeTrunk
        {
            Name = "second-account",
            Tenant = "demo",
            From = [IPNetwork.Parse("192.0.2.9/32")],
            Digest = knownBy == "digest" ? new TrunkDigest { Realm = "r", Accounts = new Dictionary<string, Edge.Sip.Auth.DigestAccount>(), WithoutTls = true } : null,
            Tls = knownBy == "certificate" ? new TrunkTls { Identities = ["carrier.example"] } : null,
        };
        var peer = new VirtualPeer(SipTransport.Tcp) { Hop = VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 1, account) };
        var call = peer.Serve();
        peer.Hop = VirtualPeer.HopAt(from, SipTransport.Tcp, 2);
        peer.Request(call, "INFO", 2);
        Assert.Equal(status, peer.Sent[^1].Response.Status);
        Assert.Same(account, call.Peer.Trunk);
        // Who it was that spoke does not widen who may: another address of the first trunk stays out.
        peer.Hop = VirtualPeer.HopAt("192.0.2.78:5060", SipTransport.Tcp, 3);
        peer.Request(call, "BYE", 3);
        peer.Take("481 BYE");
    }

    [Fact]
    public void A_method_with_a_server_is_served_and_listed()
    {
        var peer = new VirtualPeer();
        peer.Request("REGISTER", 1);
        Assert.Equal(405, peer.Take("405").Response.Status);
        peer.Agent.Servers["REGISTER"] = new Server();
        peer.Request("REGISTER", 2);
        Assert.Equal("server", peer.Take("200").Response.To.Tag);
        peer.Request("OPTIONS", 3);
        Assert.Contains("REGISTER", peer.Take("200").Response.Headers.First("Allow"));
    }

    [Fact]
    public void An_answer_whose_stream_broke_goes_over_a_new_connection_to_where_the_via_says()
    {
        var peer = new VirtualPeer(SipTransport.Tcp);
        List<string> asked = [];
        peer.Agent.Reconnect = (gone, way) =>
        {
            asked.Add(way.ToString());
            return VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 2);
        };
        peer.Invite();
        peer.ConnectionLost(1);
        Assert.Equal(["sip:192.0.2.9:5060;transport=tcp"], asked);
        peer.Do(() => peer.Signals[0].Call.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        Assert.Equal(2, peer.Take("200").To.Connection);
        peer.ConnectionLost(2);
        Assert.Equal(1, asked.Count(way => way.Contains("192.0.2.9:5060;transport=tcp", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_request_of_ours_whose_stream_is_gone_goes_over_a_new_connection()
    {
        var peer = new VirtualPeer(SipTransport.Tcp);
        peer.Agent.Reconnect = (_, _) => VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 2);
        var call = peer.Serve();
        peer.ConnectionLost(1);
        peer.Do(() => call.HangUp(peer.Now));
        Assert.Equal(2, peer.Take("BYE").To.Connection);
    }

    [Fact]
    public void A_stream_that_turns_out_to_be_gone_when_we_send_is_replaced_once()
    {
        var peer = new VirtualPeer(SipTransport.Tcp);
        var asked = 0;
        peer.Agent.Reconnect = (_, _) => VirtualPeer.HopAt("192.0.2.9:5060", SipTransport.Tcp, 2 + asked++);
        var call = peer.Serve();
        peer.Delivers = _ => false;
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9"));
        Assert.Equal(1, asked);
        Assert.Equal(503, peer.Signals[^1].Number);
    }

    [Fact]
    public void One_trunk_has_no_more_calls_than_its_bound()
    {
        var peer = new VirtualPeer(policy: new UserAgentPolicy { MostCallsPerTrunk = 2 });
        peer.Invite(callId: "a", fromTag: "a");
        peer.Dial();
        peer.Invite(callId: "c", fromTag: "c");
        Assert.NotNull(peer.Take("503").Response.Headers.First("Retry-After"));
        peer.Dial();
        Assert.Equal((CallSignalKind.Refused, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        Assert.Equal(2, peer.Agent.Calls);
    }
}
