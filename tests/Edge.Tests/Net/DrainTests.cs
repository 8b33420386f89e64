using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

public class DrainTests
{
    private static async Task<int> Ask(EdgeHost host, string method)
    {
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request(method, 1, body: method == "INVITE" ? "v=0\r\n" : "", type: method == "INVITE" ? "application/sdp" : null);
        var answer = await phone.Final();
        if (answer.Status == 503) Assert.NotNull(RetryAfter.Read(answer));
        return answer.Status;
    }

    [Fact]
    public async Task An_edge_that_is_told_to_drain_refuses_calls_goes_on_with_those_it_has_and_takes_new_ones_when_told_so()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        var answer = await SharedEdge.Connect(phone);
        host.Grain.DrainUntil = DateTimeOffset.UtcNow + TimeSpan.FromHours(1);
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.Draining);
        Assert.Equal((503, 503, false), (await Ask(host, "INVITE"), await Ask(host, "OPTIONS"), host.Readiness.IsReady));

        await phone.Request("OPTIONS", 2, answer.To.Tag);
        Assert.Equal(200, (await phone.FinalOf("OPTIONS")).Status);
        await phone.Request("BYE", 3, answer.To.Tag);
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.Drained);

        host.Grain.DrainUntil = null;
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.None);
        Assert.Equal((200, 200, true), (await Ask(host, "OPTIONS"), await Ask(host, "INVITE"), host.Readiness.IsReady));
    }

    [Fact]
    public async Task At_the_deadline_calls_are_ended_by_a_BYE_that_says_why()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        await SharedEdge.Connect(phone);
        host.Grain.DrainUntil = DateTimeOffset.UtcNow;
        SipMessage bye;
        do bye = await phone.Receive(); while (bye is not SipRequest { Method: "BYE" });
        Assert.Equal("Q.850;cause=41", bye.Headers.First("Reason"));
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.Drained);
        Assert.Contains(host.Events, e => e is CallEnded { Reason: CallEndReason.Shutdown });
    }

    /// <summary>The edge has acted upon what the grain says now.</summary>
    private static async Task Reported(EdgeHost host)
    {
        for (var i = 0; i < 2; i++)
        {
            var last = host.Grain.Last;
            await EdgeHost.Until(() => host.Grain.Last != last);
        }
    }

    [Fact]
    public async Task An_edge_that_drains_goes_on_when_the_cluster_does_not_know_whether_it_is_to()
    {
        await using var host = await EdgeHost.Start();
        host.Grain.DrainUntil = DateTimeOffset.UtcNow + TimeSpan.FromHours(1);
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.Drained);
        (host.Grain.DrainUntil, host.Grain.DrainUnknown) = (null, true);
        await Reported(host);
        Assert.Equal(503, await Ask(host, "INVITE"));
    }

    [Fact]
    public async Task A_process_that_ends_takes_no_calls_again_though_its_edge_is_told_to()
    {
        await using var host = await EdgeHost.Start(drainAtStop: EdgeHost.Patience);
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        var answer = await SharedEdge.Connect(phone);
        host.Grain.DrainUntil = DateTimeOffset.UtcNow + TimeSpan.FromHours(1);
        await EdgeHost.Until(() => host.Grain.Last?.Drain == EdgeDrain.Draining);
        var stopping = host.Stop();
        host.Grain.DrainUntil = null;
        await Reported(host);
        Assert.Equal(503, await Ask(host, "INVITE"));
        await phone.Request("BYE", 2, answer.To.Tag);
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
        await stopping.WaitAsync(EdgeHost.Patience);
    }

    [Fact]
    public async Task A_process_that_is_asked_to_end_lets_its_calls_end_by_themselves_for_as_long_as_it_may()
    {
        await using var host = await EdgeHost.Start(drainAtStop: EdgeHost.Patience);
        await using var phone = Phone.Udp(host.Udp, SharedEdge.Good);
        var answer = await SharedEdge.Connect(phone);
        var stopping = host.Stop();
        await EdgeHost.Until(() => !host.Readiness.IsReady);
        Assert.Equal(503, await Ask(host, "INVITE"));
        await phone.Request("BYE", 2, answer.To.Tag);
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
        await stopping.WaitAsync(EdgeHost.Patience);
    }
}
