using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Nodes;
using IvrActors.Grains.Interfaces.Operators;
using Orleans.Runtime;

namespace IvrActors.Grains.Nodes;

/// <summary>What a process said last and what it is to do, in memory: it says it again every second, to a new activation as well, and who ordered looks whether it was heard.</summary>
internal sealed class NodeGrain(IClusterMembershipService membership, TimeProvider time) : Grain, INodeGrain
{
    /// <summary>Several reports were lost, or nobody is left to send them.</summary>
    internal static readonly TimeSpan Expiry = TimeSpan.FromSeconds(5);

    private NodeReport? _report;
    private long _reportedAt;
    private DateTimeOffset? _drainBy;

    public Task<NodeOrders> Report(NodeReport report)
    {
        if (!string.Equals(RequestActor.Current, Name, StringComparison.Ordinal)) throw new UnauthorizedAccessException("A node speaks for itself only.");
        if (_report?.Run != report.Run) _drainBy = null;
        (_report, _reportedAt) = (report, time.GetTimestamp());
        return Task.FromResult(new NodeOrders { DrainBy = _drainBy });
    }

    public Task<NodeReport?> GetReport() => Task.FromResult(_report switch
    {
        // This activation was perhaps made because the silo left of which it is asked.
        null => IsGone() is true ? new NodeReport { Run = "", State = NodeState.Ended } : null,
        { State: NodeState.Draining } draining when IsGone() ?? !IsFresh => new NodeReport { Run = draining.Run, State = NodeState.Ended },
        { State: NodeState.Ended } ended => ended,
        var last => IsFresh || last.State is NodeState.Draining ? last : null,
    });

    public async Task<bool> Drain(DateTimeOffset deadline)
    {
        if (!IsFresh || _report!.State is NodeState.Ended) return false;
        // Recorded first: what cannot be recorded is not done.
        await GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry
        {
            Actor = RequestActor.Current,
            Action = "node.drain",
            Result = AuditResult.Success,
            Object = Name,
            Detail = FormattableString.Invariant($"until={deadline.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}"),
        });
        _drainBy = deadline;
        return true;
    }

    private bool IsFresh => _report is not null && time.GetElapsedTime(_reportedAt) < Expiry;

    /// <summary>A silo is gone when the cluster knows it so, also when it was too busy to report. Null: it is no silo.</summary>
    private bool? IsGone()
    {
        var silos = membership.CurrentSnapshot.Members.Values.Where(member => string.Equals(member.Name, Name, StringComparison.Ordinal)).ToList();
        return silos.Count > 0 ? silos.TrueForAll(silo => silo.Status is SiloStatus.Dead) : null;
    }

    private string Name => this.GetPrimaryKeyString()[INodeGrain.Key("").Length..];
}
