using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Tests.Callers;
using Orleans.Core.Internal;
using Xunit;

namespace IvrActors.Grains.Tests.Edges;

[Collection(CallersCluster.Name)]
public sealed class BlockListGrainTests(CallersCluster cluster)
{
    private IBlockListGrain List => cluster.Grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key);

    private static BlockNews News(long epoch = 0, long version = 0, params SharedBlock[] blocks) => new() { Edge = "edge-1", Epoch = epoch, Version = version, Blocks = [.. blocks] };

    private SharedBlock Block(string source) =>
        new() { Source = source, Reason = "scanner", At = cluster.Time.GetUtcNow(), Until = cluster.Time.GetUtcNow() + TimeSpan.FromMinutes(5), Proven = true, By = "edge-1" };

    [Fact]
    public async Task A_block_of_one_edge_reaches_another_and_only_once()
    {
        await List.Exchange(News(0, 0, Block("198.51.100.1")));
        var first = await List.Exchange(News());
        Assert.Contains(first.Begun, block => block.Source == "198.51.100.1");
        var next = await List.Exchange(News(first.Epoch, first.Version));
        Assert.DoesNotContain(next.Begun, block => block.Source == "198.51.100.1");
        Assert.Contains((await List.Exchange(News(first.Epoch - 1, first.Version))).Begun, block => block.Source == "198.51.100.1");
    }

    [Fact]
    public async Task What_an_operator_does_is_recorded_first_and_outlives_the_activation()
    {
        Assert.False(await List.Add("not-an-address", TimeSpan.FromHours(1), "why"));
        Assert.True(await List.Add("198.51.100.2", TimeSpan.FromHours(1), "calls at night"));
        await List.Cast<IGrainManagementExtension>().DeactivateOnIdle();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => List.List()));
        Assert.Contains(await List.List(), block => block is { Source: "198.51.100.2", Reason: "operator" });

        Assert.True(await List.Remove("198.51.100.2", "was ours"));
        Assert.False(await List.Remove("198.51.100.2", "was ours"));
        Assert.DoesNotContain(await List.List(), block => block.Source == "198.51.100.2");
        var records = (await cluster.Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Search(new AuditQuery { Object = "198.51.100.2" })).Records.Where(record => record.Entry.Object == "198.51.100.2").Select(record => (record.Entry.Action, record.Entry.Detail)).Order();
        Assert.Equal([("operator.block", "calls at night"), ("operator.unblock", "was ours")], records);
    }
}
