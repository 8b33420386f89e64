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
}
