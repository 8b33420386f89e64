using IvrActors.Edge.Calls;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Nodes;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// Tells the cluster how much this process still does, and ends it when the cluster says so (<c>ivr drain</c>): its edge takes no new calls and keeps the others until they end, its silo leaves in order, which moves its
/// grains (docs/decisions/0029). A process that is asked to end by a signal goes the same way, and is as well to be watched.
/// </summary>
internal sealed partial class NodeAgent(
    ClusterFile cluster, IGrainFactory grains, IRoleTokens tokens, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<NodeAgent> logger,
    IEdgeDrain? edge = null, LocalCalls? local = null) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    /// <summary>A silo is gone within a second: who watches is to see something of it.</summary>
    private static readonly TimeSpan s_drainingPeriod = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    private readonly string _run = Guid.NewGuid().ToString("N");
    private readonly CancellationTokenSource _over = new();
    private Task _reporting = Task.CompletedTask;
    private DateTimeOffset? _drainBy;
    private volatile bool _draining;
    private int _told = -1;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _reporting = Task.Run(Run, CancellationToken.None);
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _over.CancelAsync();
        await _reporting;
        // A silo has left by now, and the cluster knows it.
        if (local is null) await Report(NodeState.Ended);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _over.Dispose();

    private async Task Run()
    {
        while (!_over.IsCancellationRequested)
        {
            if (await Report(_draining ? NodeState.Draining : NodeState.Serving) is { DrainBy: { } by } && _drainBy is null) Begin(by);
            if (_drainBy is { } until) EndWhenDone(until);
            if (_draining) Tell();
            await Task.Delay(_draining ? s_drainingPeriod : s_period, time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Begin(DateTimeOffset by)
    {
        (_drainBy, _draining) = (by, true);
        edge?.End();
    }

    private void EndWhenDone(DateTimeOffset by)
    {
        if (edge is { ActiveCalls: > 0 } busy)
        {
            if (time.GetUtcNow() < by) return;
            busy.EndCalls();
        }
        lifetime.StopApplication();
    }

    private async Task<NodeOrders?> Report(NodeState state)
    {
        try
        {
            RequestContext.Set(RoleToken.ContextKey, tokens.Issue(cluster.Node.Name, Roles.Node));
            var report = new NodeReport { Run = _run, State = state, Calls = edge?.ActiveCalls ?? 0, CallGrains = local?.Count ?? 0 };
            return await grains.GetGrain<INodeGrain>(INodeGrain.Key(cluster.Node.Name)).Report(report).WaitAsync(s_timeout, time);
        }
        catch (Exception e)
        {
            // It serves all the same, and ends by a signal; silos of an older version know of no such reports.
            LogUnheard(e.GetType().Name);
            return null;
        }
    }

    private void Tell()
    {
        var left = (edge?.ActiveCalls ?? 0) + (local?.Count ?? 0);
        if (left == _told) return;
        _told = left;
        LogDraining(edge?.ActiveCalls ?? 0, local?.Count ?? 0);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "this node drains; calls at its edge: {Calls}, controlled by its silo: {CallGrains}")]
    private partial void LogDraining(int calls, int callGrains);

    [LoggerMessage(Level = LogLevel.Debug, Message = "the cluster did not take this node's report: {Failure}")]
    private partial void LogUnheard(string failure);
}
