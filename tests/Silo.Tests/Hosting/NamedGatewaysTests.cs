using System.Net;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

public sealed class NamedGatewaysTests
{
    [Fact]
    public async Task Gateways_whose_names_lead_nowhere_are_left_out_until_they_lead_somewhere()
    {
        var gateways = new NamedGateways([new("127.0.0.1", 30001), new("nowhere.invalid", 30002), new("localhost", 30003)], TimeSpan.FromSeconds(2));

        var found = await gateways.GetGateways();

        Assert.Contains(new Uri("gwy.tcp://127.0.0.1:30001/0"), found);
        Assert.DoesNotContain(found, uri => uri.Port == 30002);
        Assert.Contains(found, uri => uri.Port == 30003);
        Assert.True(gateways.IsUpdatable);
    }

    [Fact]
    public async Task A_gateway_whose_name_leads_nowhere_for_a_moment_stays_where_it_was_until_it_is_found_elsewhere()
    {
        IReadOnlyList<IPEndPoint> there = [];
        var gateways = new NamedGateways([new("silo-1", 30001)], TimeSpan.FromSeconds(2), _ => Task.FromResult(there));
        Assert.Empty(await gateways.GetGateways());
        there = [new(IPAddress.Parse("192.0.2.1"), 30001)];
        Assert.Equal("192.0.2.1", Assert.Single(await gateways.GetGateways()).Host);
        there = [];
        Assert.Equal("192.0.2.1", Assert.Single(await gateways.GetGateways()).Host);
        there = [new(IPAddress.Parse("192.0.2.2"), 30001)];
        Assert.Equal("192.0.2.2", Assert.Single(await gateways.GetGateways()).Host);
    }
}
