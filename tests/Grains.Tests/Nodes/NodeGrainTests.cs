using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Nodes;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Nodes;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Nodes;

[Collection(CallersCluster.Name)]
public sealed class NodeGrainTests(CallersCluster cluster)
{
    private static readonly DateTimeOffset s_deadline = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly string _name = "n" + Guid.NewGuid().ToString("N");

    private INodeGrain Node => As(_name);

    /// <summary>The node's grain, called with the token of some node.</summary>
    private INodeGrain As(string caller)
    {
        RequestContext.Set(RequestActor.ContextKey, caller);
        return cluster.Grains.GetGrain<INodeGrain>(INodeGrain.Key(_name));
    }

    [Fact]
    public async Task A_node_speaks_in_its_own_name_only()
    {
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").Report(Report(NodeState.Serving)));
        Assert.Null(await Node.GetReport());
    }

    [Fact]
    public async Task An_order_to_drain_is_recorded_and_is_for_the_process_that_runs_and_not_for_the_next_one_of_its_name()
    {
        Assert.False(await Node.Drain(s_deadline), "it has not reported");
        Assert.Null((await Node.Report(Report(NodeState.Serving))).DrainBy);
        Assert.True(await As("ann").Drain(s_deadline));
        Assert.Equal(s_deadline, (await Node.Report(Report(NodeState.Serving))).DrainBy);
        Assert.Equal(s_deadline, (await Node.Report(Report(NodeState.Draining))).DrainBy);
        Assert.Null((await Node.Report(Report(NodeState.Serving, run: "2"))).DrainBy);
        var records = (await cluster.Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Search(new AuditQuery { Object = _name })).Records;
        Assert.Equal(["ann node.drain until=2030-01-02T03:04:05Z"], records.Where(record => record.Entry.Object == _name).Select(record => $"{record.Entry.Actor} {record.Entry.Action} {record.Entry.Detail}"));
    }

    [Fact]
    public async Task Of_a_silent_node_nothing_is_known_unless_it_drained_and_then_it_has_ended()
    {
        await Node.Report(Report(NodeState.Serving, grains: 7));
        Assert.Equal((NodeState.Serving, 7), await State());
        cluster.Time.Advance(NodeGrain.Expiry);
        Assert.Null(await Node.GetReport());
        Assert.False(await Node.Drain(s_deadline));

        await Node.Report(Report(NodeState.Draining, grains: 3));
        Assert.Equal((NodeState.Draining, 3), await State());
        cluster.Time.Advance(NodeGrain.Expiry);
        Assert.Equal((NodeState.Ended, 0), await State());
    }

    [Fact]
    public async Task A_last_word_is_believed_at_once()
    {
        await Node.Report(Report(NodeState.Ended));
        Assert.Equal((NodeState.Ended, 0), await State());
        Assert.False(await Node.Drain(s_deadline));
    }

    private async Task<(NodeState, int)> State() => await Node.GetReport() is { } report ? (report.State, report.CallGrains) : default;

    private static NodeReport Report(NodeState state, int grains = 0, string run = "1") => new() { Run = run, State = state, CallGrains = grains };
}
