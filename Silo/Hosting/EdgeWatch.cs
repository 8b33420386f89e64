using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// Misses edges: every silo asks each edge's grain once a second whether its edge is gone, so the loss of a silo together with an edge is noticed, too. Whoever hears it first comes to every call that has a row
/// and tells it; a call that is not of that edge costs a look at its state. No list of an edge's calls is kept, for none would be written as safely as the calls themselves.
/// </summary>
internal sealed partial class EdgeWatch(ClusterFile cluster, ClusterPolicy policy, IStateTable states, IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<EdgeWatch> logger) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    /// <summary>A silo that has just died answers nobody for a moment.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Edges whose silo died together with the lost edge report again within this time; a call whose caller hears nothing waits no longer for one.</summary>
    private static readonly TimeSpan s_mostWait = TimeSpan.FromSeconds(14);

    /// <summary>Calls that are told at once.</summary>
    private const int AtOnce = 64;

    private readonly List<string> _edges = [.. cluster.Nodes.Where(node => node.Roles.HasFlag(NodeRoles.Edge)).Select(node => node.Name)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var settling = new List<Task>();
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(s_period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            settling.RemoveAll(task => task.IsCompleted);
            foreach (var loss in await Task.WhenAll(_edges.Select(Watch)))
            {
                if (loss is not null && !stoppingToken.IsCancellationRequested) settling.Add(Settle(loss, stoppingToken));
            }
        }
        await Task.WhenAll(settling);
    }

    /// <summary>Tells every call of a loss, and again those that no edge takes yet.</summary>
    internal async Task Settle(EdgeLoss loss, CancellationToken stoppingToken)
    {
        try
        {
            var since = time.GetTimestamp();
            var calls = await states.KeysOf("call");
            LogSettling(loss.Edge, calls.Count);
            while (calls.Count > 0 && !stoppingToken.IsCancellationRequested)
            {
                var isLast = time.GetElapsedTime(since) > s_mostWait;
                calls = await Tell(calls, new EdgeLoss { Edge = loss.Edge, Lost = loss.Lost, Alive = loss.Alive, Others = _edges, IsLast = isLast }, stoppingToken);
                if (isLast) break;
                if (calls.Count > 0) await Task.Delay(s_period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            // What is left is told by whoever is asked next.
            if (calls.Count > 0) return;
            AsSystem();
            foreach (var limit in Limits()) await grains.GetGrain<ILimitGrain>(limit).EdgeGone(loss.Edge);
            await grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(loss.Edge)).Settled(loss);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailure(loss.Edge, e.GetType().Name);
        }
        catch (Exception)
        {
            // The silo is ending; another one is asked.
        }
    }

    /// <summary>Limits of calls at once, which the edge had places of.</summary>
    private IEnumerable<string> Limits()
    {
        var trunks = policy.Tenants.SelectMany(tenant => tenant.Value.Trunks.Keys.Select(trunk => ILimitGrain.TrunkKey(tenant.Key, trunk)));
        return trunks.Concat(policy.Tenants.Keys.Select(ILimitGrain.TenantKey)).Append(ILimitGrain.ClusterKey).Where(key => policy.LimitOf(key)?.AtOnce is not null);
    }

    /// <summary>Those that are to be told again.</summary>
    private async Task<IReadOnlyList<string>> Tell(IReadOnlyList<string> calls, EdgeLoss loss, CancellationToken stoppingToken)
    {
        var again = new System.Collections.Concurrent.ConcurrentBag<string>();
        await Parallel.ForEachAsync(calls, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stoppingToken }, async (call, _) =>
        {
            try
            {
                AsSystem();
                if (!await grains.GetGrain<ICallGrain>(call).EdgeGone(loss)) again.Add(call);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailure(loss.Edge, e.GetType().Name);
                again.Add(call);
            }
        });
        return [.. again];
    }

    private async Task<EdgeLoss?> Watch(string edge)
    {
        try
        {
            AsSystem();
            return await grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(edge)).Watch().WaitAsync(s_patience, time);
        }
        catch (Exception e)
        {
            // Its row cannot be read, or its silo is gone: it is asked again in a second.
            LogFailure(edge, e.GetType().Name);
            return null;
        }
    }

    private void AsSystem() => RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());

    [LoggerMessage(Level = LogLevel.Warning, Message = "edge {Edge} is gone: {Calls} calls of the cluster are looked through for its calls")]
    private partial void LogSettling(string edge, int calls);

    [LoggerMessage(Level = LogLevel.Warning, Message = "edge {Edge} could not be watched, or a call not be told that it is gone: {Failure}")]
    private partial void LogFailure(string edge, string failure);
}
