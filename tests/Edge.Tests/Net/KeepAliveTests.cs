using System.Net;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>RFC 5626 4.4.1.</summary>
public class KeepAliveTests
{
    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    [Theory]
    [InlineData(0, 30)]
    [InlineData(0.5, 27.5)]
    [InlineData(0.999, 25.005)]
    public void A_ping_is_due_every_25_to_30_seconds(double jitter, double first)
    {
        var keepAlive = new KeepAlive(At(100), () => jitter);
        Assert.Equal(KeepAliveStep.Nothing, keepAlive.Step(At(100 + first - 0.01)));
        Assert.Equal(KeepAliveStep.Ping, keepAlive.Step(At(100 + first)));
        Assert.Equal(KeepAliveStep.Nothing, keepAlive.Step(At(100 + first + 1)));
        Assert.Equal(KeepAliveStep.Ping, keepAlive.Step(At(100 + first + 30)));
    }

    [Fact]
    public void A_peer_that_answered_once_and_then_no_more_is_dead_after_ten_seconds()
    {
        var keepAlive = new KeepAlive(At(0), () => 0);
        keepAlive.Step(At(30));
        keepAlive.Ponged();
        Assert.Equal(KeepAliveStep.Ping, keepAlive.Step(At(60)));
        Assert.Equal(KeepAliveStep.Nothing, keepAlive.Step(At(69)));
        Assert.Equal(KeepAliveStep.Dead, keepAlive.Step(At(70)));
    }

    [Fact]
    public void A_peer_that_never_answered_does_not_know_pings_and_lives()
    {
        var keepAlive = new KeepAlive(At(0), () => 0);
        for (var second = 30; second < 600; second += 5) Assert.NotEqual(KeepAliveStep.Dead, keepAlive.Step(At(second)));
    }

    [Fact]
    public void A_line_end_that_nobody_asked_for_is_no_pong()
    {
        var keepAlive = new KeepAlive(At(0), () => 0);
        keepAlive.Ponged();
        keepAlive.Step(At(30));
        Assert.Equal(KeepAliveStep.Nothing, keepAlive.Step(At(45)));
    }

    [Fact]
    public async Task A_pong_is_taken_for_one_though_it_could_be_half_a_ping()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer();
        host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("test"));
        var stream = await server.Accept();
        await EdgeHost.Until(() => host.Connections == 1 && host.Transports.Connections.Single().IsOpen);
        var keepAlive = host.Transports.Connections.Single().KeepAlive!;
        Assert.Equal(KeepAliveStep.Ping, keepAlive.Step(TimeSpan.MaxValue - TimeSpan.FromDays(1)));
        await stream.Send("\r\n"u8.ToArray());
        await EdgeHost.Until(() => !keepAlive.IsWaiting);
        Assert.Equal(TimeSpan.Zero, host.Transports.Connections.Single().PartialFor);
    }
}
