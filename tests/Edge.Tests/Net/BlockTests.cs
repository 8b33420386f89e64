using System.Net;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Blocks as peers on the network meet them.</summary>
public class BlockTests
{
    private const string Friend = "127.0.31.73/32";
    private const string Garbage = "INVITE sip:bank@127.0.0.1 SIP/2.0\r\nVia: nonsense\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public async Task A_peer_that_sends_garbage_over_a_connection_is_cut_off_and_another_one_is_served()
    {
        await using var host = await EdgeHost.Start(neverBlock: Friend);
        await using (var phone = await Phone.Stream(host.Tcp, tls: false, "127.0.31.70"))
        {
            for (var i = 0; i < 25; i++) await phone.Send(Garbage);
            Assert.DoesNotContain(" 200 ", await phone.ReadToEnd(), StringComparison.Ordinal);
        }
        Assert.True(host.Reputation.IsBlocked(IPAddress.Parse("127.0.31.70")));
        await using (var again = await Phone.Stream(host.Tcp, tls: false, "127.0.31.70")) Assert.Equal("", await again.ReadToEnd());
        await using var other = Phone.Udp(host.Udp, "127.0.31.71");
        await other.Request("OPTIONS", 1);
        Assert.Equal(200, (await other.Final()).Status);
    }

    [Fact]
    public async Task Datagrams_in_the_name_of_a_trunk_do_not_get_it_blocked_and_those_of_a_stranger_do()
    {
        await using var host = await EdgeHost.Start(neverBlock: Friend);
        await using var trunk = Phone.Udp(host.Udp, "127.0.31.72");
        for (var i = 0; i < 100; i++) await trunk.Send(Garbage);
        await using var stranger = Phone.Udp(host.Udp, "127.0.32.1");
        for (var i = 0; i < 30; i++) await stranger.Request("OPTIONS", i + 1);
        await EdgeHost.Until(() => host.Reputation.IsBlocked(IPAddress.Parse("127.0.32.1")));
        Assert.Equal(0, stranger.Available);
        await trunk.Request("OPTIONS", 1);
        SipResponse response;
        do response = await trunk.Final(); while (response.Status == 400);
        Assert.Equal(200, response.Status);
    }

    [Fact]
    public async Task A_network_that_is_never_blocked_is_not()
    {
        await using var host = await EdgeHost.Start(neverBlock: Friend);
        host.Reputation.Offend(IPAddress.Parse("127.0.31.73"), SourceOffence.ForgedInDialog, proven: true);
        for (var i = 0; i < 100; i++) host.Reputation.Offend(IPAddress.Parse("127.0.31.73"), SourceOffence.Malformed, proven: true);
        Assert.False(host.Reputation.IsBlocked(IPAddress.Parse("127.0.31.73")));
    }
}
