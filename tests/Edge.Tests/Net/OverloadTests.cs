using System.Net;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>New calls that are turned away, as peers on the network meet it.</summary>
public class OverloadTests
{
    private static async Task<SipResponse> Invite(Phone phone)
    {
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        return await phone.Final();
    }

    [Theory]
    [InlineData("UDP")]
    [InlineData("TCP")]
    [InlineData("TLS")]
    public async Task Without_room_a_call_gets_503_that_leaves_nothing_behind_and_says_the_same_when_it_is_repeated(string transport)
    {
        await using var host = await EdgeHost.Start(mostCalls: 1);
        await using var first = Phone.Udp(host.Udp, SharedEdge.Good);
        var held = await SharedEdge.Connect(first);
        await EdgeHost.Until(() => host.Loop.Transactions == 1);
        await using var second = transport == "UDP" ? Phone.Udp(host.Udp) : await Phone.Stream(transport == "TLS" ? host.Tls : host.Tcp, transport == "TLS");
        var refusal = await Invite(second);
        Assert.Equal((503, true), (refusal.Status, RetryAfter.Read(refusal) is >= 1 and <= 5));
        await second.Again("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        Assert.Equal(refusal.To.Tag, (await second.Final()).To.Tag);
        await second.Again("ACK", 1, refusal.To.Tag);
        await second.Request("OPTIONS", 2);
        var options = await second.Final();
        Assert.Equal((503, "5"), (options.Status, options.Headers.First("Retry-After")));
        // The first call's INVITE and this OPTIONS, which over a stream is gone already.
        Assert.InRange(host.Loop.Transactions, 1, 2);

        await first.Request("BYE", 2, held.To.Tag);
        Assert.Equal(200, (await first.FinalOf("BYE")).Status);
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
        Assert.Equal(200, (await Invite(second)).Status);
    }

    [Fact]
    public async Task A_call_that_is_repeated_over_a_connection_after_its_end_counts_towards_the_rate_of_its_trunk_again()
    {
        var trunk = new EdgeTrunk { Name = "slow", Tenant = "demo", From = [IPNetwork.Parse("127.0.33.0/24")], Limit = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 2) } };
        await using var host = await EdgeHost.Start(trunks: [trunk]);
        host.Flow = e => e is CallOffered ? [new Reject { Status = 404 }] : [];
        await using var phone = await Phone.Stream(host.Tcp, tls: false, "127.0.33.1");
        var statuses = new List<int>();
        for (var i = 0; i < 4; i++)
        {
            await phone.Again("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            var refusal = await phone.FinalOf("INVITE");
            statuses.Add(refusal.Status);
            await phone.Again("ACK", 1, refusal.To.Tag);
        }
        Assert.Equal([404, 404, 503, 503], statuses);
    }

    [Fact]
    public async Task Calls_that_come_at_once_wait_for_places_rather_than_be_refused()
    {
        var trunk = new EdgeTrunk { Name = "full", Tenant = "demo", From = [IPNetwork.Parse("127.0.33.0/24")], Limit = new LimitRule { AtOnce = 200 } };
        await using var host = await EdgeHost.Start(trunks: [trunk]);
        await using var phone = Phone.Udp(host.Udp, "127.0.33.1");
        const int Calls = 40; // More than an edge has places for beforehand: 3 of 200.
        for (var i = 0; i < Calls; i++)
        {
            phone.CallId = $"at-once-{i}";
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        }
        var statuses = new Dictionary<string, int>();
        while (statuses.Count < Calls)
        {
            var answer = await phone.Final();
            statuses[answer.CallId] = answer.Status;
        }
        Assert.All(statuses.Values, status => Assert.Equal(200, status));
        Assert.Equal(Calls, host.Loop.ActiveCalls);
    }

    [Fact]
    public async Task A_caller_who_proved_who_they_are_is_remembered_and_told_to_the_cluster_and_one_who_only_called_is_not()
    {
        await using var host = await EdgeHost.Start();
        var gate = host.Service<CallGate>();
        await EdgeHost.Until(() => host.Service<KnownCallers>().HasKey);
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        var peer = new SipPeer(SipTransport.Udp, phone.Local, 0, host.Trunk("test"));
        bool IsKnown() => gate.IsPreferred(host.Now, (SipRequest)SipParser.Parse(new Sent("INVITE").ToBytes()).Message!, peer);

        foreach (var proves in new[] { false, true })
        {
            host.Verifies = proves;
            phone.CallId = $"proves-{proves}";
            var answer = await SharedEdge.Connect(phone);
            await phone.Request("BYE", 2, answer.To.Tag);
            Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
            await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
            Assert.Equal(proves, IsKnown());
        }
        await EdgeHost.Until(() => !host.Known.Told.IsEmpty);
        Assert.Single(host.Known.Told);
    }

    [Fact]
    public async Task Known_callers_get_through_a_limit_that_strangers_have_used_up()
    {
        var trunk = new EdgeTrunk { Name = "flooded", Tenant = "demo", From = [IPNetwork.Parse("127.0.33.0/24")], Limit = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 10), KnownShare = 0.2 } };
        await using var host = await EdgeHost.Start(trunks: [trunk]);
        host.Flow = e => e is CallOffered ? [new Reject { Status = 404 }] : [];
        await EdgeHost.Until(() => host.Service<KnownCallers>().HasKey);
        await using var phone = Phone.Udp(host.Udp, "127.0.33.1");
        async Task<int> Call(string id)
        {
            phone.CallId = id;
            var refusal = await Invite(phone);
            await phone.Request("ACK", 1, refusal.To.Tag);
            return refusal.Status;
        }

        var strangers = new List<int>();
        for (var i = 0; i < 10; i++) strangers.Add(await Call($"stranger-{i}"));
        Assert.Equal([.. Enumerable.Repeat(404, 8), 503, 503], strangers);
        var invite = (SipRequest)SipParser.Parse(new Sent("INVITE").ToBytes()).Message!;
        host.Service<CallGate>().Verified(host.Now, host.Service<CallGate>().CallerOf(invite, new SipPeer(SipTransport.Udp, phone.Local, 0, trunk)));
        List<int> known = [await Call("known-1"), await Call("known-2"), await Call("known-3")];
        Assert.Equal([404, 404, 503], known);
        Assert.Equal([.. Enumerable.Repeat(false, 8), true, true], host.Events.OfType<CallOffered>().Select(offered => offered.Known));
    }
}
