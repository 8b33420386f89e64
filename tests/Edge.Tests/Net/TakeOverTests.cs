using System.Net;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>A whole edge that is given calls of another one, or whose own are given away.</summary>
public class TakeOverTests
{
    private static readonly CallId s_call = new("call-of-another-edge");

    [Fact]
    public async Task An_edge_that_is_given_a_call_goes_on_with_it_and_counts_it_until_it_ends()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        await Known(host);
        host.Loop.Order(s_call, Order(host, Dialog(phone.Local.ToString(), $"sip:caller@{phone.Local}")));
        var invite = await phone.RequestOf("INVITE");
        Assert.Equal(("dialog@other", "ours", "theirs"), (invite.CallId, invite.From.Tag, invite.To.Tag));
        await phone.Send(Answer(invite));
        await phone.RequestOf("ACK");
        await EdgeHost.Until(() => host.Events.Any(e => e is CallResumed { Seq: 5, Epoch: 2 }));
        Assert.Equal((s_call, 1), (host.Calls.Last(), host.Loop.ActiveCalls));
        Assert.Equal((SrtpPolicy.Off, "192.0.2.250"), (host.Media.LastPolicy.Srtp, host.Media.LastPolicy.Follows!.Address));
        // In its own dialog the peer is heard as ever.
        await phone.Send($"BYE sip:ivr@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {phone.Local};branch=z9hG4bKbye;rport\r\nMax-Forwards: 70\r\nFrom: <sip:caller@127.0.31.7>;tag=theirs\r\nTo: <sip:bank@127.0.0.1>;tag=ours\r\n"
            + "Call-ID: dialog@other\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
        await EdgeHost.Until(() => host.Events.Any(e => e is CallEnded { Seq: 6, Epoch: 2, Reason: CallEndReason.CallerHungUp }) && host.Loop.ActiveCalls == 0);
        Assert.All(host.Media.Sessions, session => Assert.True(session.Disposed));
    }

    [Fact]
    public async Task The_same_order_again_changes_nothing()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        await Known(host);
        var order = Order(host, Dialog(phone.Local.ToString(), $"sip:caller@{phone.Local}"));
        host.Loop.Order(s_call, order);
        host.Loop.Order(s_call, order);
        await host.Loop.Turn();
        Assert.Equal(1, host.Loop.ActiveCalls);
        Assert.Single(host.Media.Sessions);
    }

    [Theory]
    [InlineData("another-life", "127.0.31.7:5060", CallTransport.Udp, "test", TakeOverFailure.NoRoom)]
    [InlineData(null, "127.0.31.7:5060", CallTransport.Udp, "unknown", TakeOverFailure.Unreachable)]
    [InlineData(null, "127.0.31.7:5060", CallTransport.Wss, "test", TakeOverFailure.Unreachable)]
    // Without a name that the certificate must be for, nobody could be told from the trunk.
    [InlineData(null, "127.0.31.7:5060", CallTransport.Tls, "test", TakeOverFailure.Unreachable)]
    // Anybody could have named this address.
    [InlineData(null, "127.0.99.1:5060", CallTransport.Tcp, "test", TakeOverFailure.Unreachable, "sip:caller@127.0.98.1;transport=tcp")]
    [InlineData(null, "[2001:db8::1]:5060", CallTransport.Udp, "test", TakeOverFailure.Unreachable)]
    public async Task An_edge_that_cannot_says_so(string? incarnation, string peer, CallTransport transport, string trunk, TakeOverFailure why, string target = "sip:caller@127.0.31.7")
    {
        await using var host = await EdgeHost.Start();
        await Known(host);
        host.Loop.Order(s_call, Order(host, Dialog(peer, target, transport, trunk), incarnation));
        await EdgeHost.Until(() => !host.Events.IsEmpty);
        Assert.Equal((why, 5, 2), Assert.IsType<TakeOverFailed>(Assert.Single(host.Events)) is var failed ? (failed.Why, failed.Seq, failed.Epoch) : default);
        Assert.Equal(0, host.Loop.ActiveCalls);
    }

    [Fact]
    public async Task An_edge_that_drains_or_has_no_port_for_media_leaves_the_call_to_others()
    {
        await using var host = await EdgeHost.Start();
        await Known(host);
        host.Media.RefuseOffersOfOursWith = 503;
        host.Loop.Order(s_call, Order(host, Dialog("127.0.31.7:5060", "sip:caller@127.0.31.7")));
        await EdgeHost.Until(() => host.Events.Count == 1);
        host.Grain.DrainUntil = DateTimeOffset.UtcNow + TimeSpan.FromHours(1);
        await EdgeHost.Until(() => !host.Readiness.IsReady);
        host.Loop.Order(s_call, Order(host, Dialog("127.0.31.7:5060", "sip:caller@127.0.31.7")));
        await EdgeHost.Until(() => host.Events.Count == 2);
        Assert.All(host.Events, e => Assert.Equal(TakeOverFailure.NoRoom, Assert.IsType<TakeOverFailed>(e).Why));
    }

    [Fact]
    public async Task A_call_over_TCP_is_taken_over_by_a_connection_of_this_edge_to_where_the_peer_listens()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer();
        await Known(host);
        host.Loop.Order(s_call, Order(host, Dialog("127.0.0.1:40001", $"sip:caller@{server.EndPoint};transport=tcp", CallTransport.Tcp)));
        var stream = await server.Accept();
        var invite = (SipRequest)SipParser.ParseFramed((await stream.Next())!.Value.Bytes).Message!;
        Assert.Equal("INVITE", invite.Method);
        await stream.Send(Answer(invite));
        await EdgeHost.Until(() => host.Events.Any(e => e is CallResumed));
    }

    [Fact]
    public async Task A_peer_over_TCP_that_takes_no_connection_ends_the_call()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer(listening: false);
        await Known(host);
        host.Loop.Order(s_call, Order(host, Dialog("127.0.0.1:40001", $"sip:caller@{server.EndPoint};transport=tcp", CallTransport.Tcp)));
        await EdgeHost.Until(() => host.Events.Any(e => e is CallEnded { Seq: 5, Epoch: 2, Reason: CallEndReason.EdgeLost }));
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
    }

    [Fact]
    public async Task Peers_of_a_call_with_which_nobody_goes_on_get_BYE()
    {
        await using var host = await EdgeHost.Start();
        await using var one = Phone.Udp(host.Udp, SharedEdge.Good);
        await using var other = Phone.Udp(host.Udp, SharedEdge.Bad);
        host.Loop.Order(s_call, new EndDialogs { Dialogs = [Dialog(one.Local.ToString(), $"sip:caller@{one.Local}"), Dialog(other.Local.ToString(), $"sip:desk@{other.Local}", id: "second@other")] });
        foreach (var phone in new[] { one, other })
        {
            var bye = await phone.RequestOf("BYE");
            Assert.Equal("Q.850;cause=41", bye.Headers.First("Reason"));
            await phone.Send(SipWriter.ToBytes(SipResponses.For(bye, 200)));
        }
        Assert.Empty(host.Events);
    }

    [Fact]
    public async Task An_edge_that_was_missed_lets_its_calls_go_without_a_word_and_begins_a_new_life()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        await SharedEdge.Connect(phone);
        await EdgeHost.Until(() => host.Grain.Beats > 2);
        var life = host.Grain.Last!.Incarnation;
        Assert.Equal(life, Assert.IsType<CallOffered>(host.Events.First()).Incarnation);
        host.Grain.Missed = life;
        await EdgeHost.Until(() => host.Grain.Last!.Incarnation != life && host.Loop.ActiveCalls == 0);
        Assert.Contains(host.Grain.Last!.Birth, new[] { EdgeBirth.Again, EdgeBirth.Known });
        Assert.True(host.Media.Sessions.All(session => session.Disposed));
        Assert.DoesNotContain(host.Events, e => e is CallEnded);
        // Nothing waits for the caller but the answer to what is asked now.
        await phone.Request("OPTIONS", 2);
        Assert.Equal("OPTIONS", (await phone.Receive()).CSeq.Method);
        await EdgeHost.Until(() => host.Grain.Last!.Birth == EdgeBirth.Known);
    }

    [Fact]
    public async Task An_edge_that_stops_says_goodbye()
    {
        var host = await EdgeHost.Start();
        await Known(host);
        var life = host.Grain.Last!.Incarnation;
        await host.Stop();
        Assert.Equal((life, EdgeBirth.Ended), (host.Grain.Last!.Incarnation, host.Grain.Last.Birth));
        await host.DisposeAsync();
    }

    private static Task Known(EdgeHost host) => EdgeHost.Until(() => host.Grain.Last is not null);

    private static byte[] Answer(SipRequest invite)
    {
        var answer = SipResponses.For(invite, 200);
        answer.Headers.Add("Contact", $"<{invite.RequestUri}>");
        answer.Headers.Add("Content-Type", "application/sdp");
        answer.Body = "v=0\r\n"u8.ToArray();
        return SipWriter.ToBytes(answer);
    }

    private static TakeOver Order(EdgeHost host, CallDialog dialog, string? incarnation = null) => new()
    {
        Seq = 5,
        Epoch = 2,
        Incarnation = incarnation ?? host.Grain.Last!.Incarnation,
        Dialog = dialog,
        Flow = "bank",
        Step = "menu",
        Verified = false,
    };

    private static CallDialog Dialog(string peer, string target, CallTransport transport = CallTransport.Udp, string trunk = "test", string id = "dialog@other") => new()
    {
        CallId = new(id),
        LocalTag = "ours",
        RemoteTag = "theirs",
        Local = new("<sip:bank@127.0.0.1>;tag=ours"),
        Remote = new("<sip:caller@127.0.31.7>;tag=theirs"),
        Routes = [],
        Target = new(target),
        LocalSequence = 3,
        RemoteSequence = 2,
        IsSecure = false,
        IsCaller = false,
        Transport = transport,
        Peer = new(peer),
        Tenant = "demo",
        Trunk = trunk,
        EntryTenant = "demo",
        Entry = trunk,
        Keying = CallKeying.None,
        SdpSession = 1,
        SdpVersion = 1,
        SdpAddress = "192.0.2.250",
        Since = DateTimeOffset.UtcNow - TimeSpan.FromMinutes(1),
    };
}
