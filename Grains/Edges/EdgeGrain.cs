using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Edges;

/// <summary>
/// What an edge last said of itself, and the way down to it, both in memory: an edge says it again every few seconds, to a new activation as well. Reentrant, so that
/// an order under way does not hold up the reports. Whether it is to drain is stored: an edge that comes back is still to.
/// </summary>
[Reentrant]
internal sealed partial class EdgeGrain(
    IGrainContext context, [FromKeyedServices(StoredRow<EdgeDrainState>.Storage)] IGrainStorage storage, IClusterKeys keys, TimeProvider time, ILogger<EdgeGrain> logger) : Grain, IEdgeGrain
{
    // Some reports may be lost: they come every few seconds.
    internal static readonly TimeSpan Expiry = TimeSpan.FromSeconds(30);

    // An edge that takes longer has a caller on the line who waits.
    private static readonly TimeSpan s_orderTimeout = TimeSpan.FromSeconds(5);

    // The edge waits 5 s for the answer to its report, and without it takes no calls.
    private static readonly TimeSpan s_traceTimeout = TimeSpan.FromSeconds(2);

    private readonly StoredRow<EdgeDrainState> _row = new(storage, "edge-drain", context.GrainId);
    private IEdgeObserver? _observer;
    private EdgeReport? _report;
    private long _reportedAt;
    private long? _listedAt;

    public async Task<EdgeOrders> Report(EdgeReport report, IEdgeObserver observer)
    {
        EdgeName.Demand(Name);
        if (!await IsAlive(report)) return new EdgeOrders { SealingKey = keys.SealingKey, DrainUnknown = true, Superseded = true };
        _report = report.Calls.Count <= EdgeReport.MostCalls ? report : new EdgeReport
        {
            Edge = report.Edge,
            At = report.At,
            ActiveCalls = report.ActiveCalls,
            Calls = report.Calls[..EdgeReport.MostCalls],
            Trunks = report.Trunks,
            Drain = report.Drain,
            Pressure = report.Pressure,
            Accepted = report.Accepted,
            Incarnation = report.Incarnation,
            Birth = report.Birth,
        };
        _observer = observer;
        _reportedAt = time.GetTimestamp();
        if (_listedAt is not { } listed || time.GetElapsedTime(listed) > EdgeDirectoryGrain.Expiry / 3) await List();
        var (traces, drain) = (await Traces(), await DrainState());
        return new EdgeOrders { SealingKey = keys.SealingKey, Traces = traces, DrainUntil = drain?.Until, DrainUnknown = drain is null };
    }

    public Task<EdgeReport?> GetReport() => Task.FromResult(IsFresh ? _report : null);

    public async Task<bool> Drain(DateTimeOffset deadline)
    {
        await _row.Read();
        await Append("edge.drain", FormattableString.Invariant($"until={deadline.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}"));
        await _row.Write(new EdgeDrainState { Until = deadline });
        return IsFresh;
    }

    public async Task<bool> Undrain()
    {
        if ((await _row.Read()).Until is null) return false;
        await Append("edge.undrain", "");
        await _row.Write(new EdgeDrainState());
        return true;
    }

    public async Task<bool> Send(CallId call, CallCommand command)
    {
        if (!IsFresh || _observer is not { } observer) return false;
        try
        {
            await observer.Order(call, command).WaitAsync(s_orderTimeout, time);
            return true;
        }
        catch (Exception e)
        {
            // It comes back with its next report, if it lives.
            LogLost(this.GetPrimaryKeyString(), e.GetType().Name);
            if (ReferenceEquals(_observer, observer)) _observer = null;
            return false;
        }
    }

    public async Task<bool> Trace(List<TraceOrder> orders)
    {
        if (!IsFresh || _observer is not { } observer) return false;
        try
        {
            await observer.Trace(orders).WaitAsync(s_orderTimeout, time);
            return true;
        }
        catch (Exception e)
        {
            // No order of a call: the edge stays attached, and hears of it with its next report.
            LogLost(this.GetPrimaryKeyString(), e.GetType().Name);
            return false;
        }
    }

    /// <summary>Telemetry fails open: without it the edge traces nothing, and goes on.</summary>
    private async Task<List<TraceOrder>> Traces()
    {
        try
        {
            return await GrainFactory.GetGrain<ITraceDirectoryGrain>(ITraceDirectoryGrain.Key).Active().WaitAsync(s_traceTimeout, time);
        }
        catch (Exception e)
        {
            LogNoTraces(e.GetType().Name);
            return [];
        }
    }

    private bool IsFresh => _report is not null && time.GetElapsedTime(_reportedAt) < Expiry;

    /// <summary>Null when the row cannot be read now: that neither keeps an edge from taking calls nor has one that drains take them again.</summary>
    private async Task<EdgeDrainState?> DrainState()
    {
        try
        {
            return await _row.Read();
        }
        catch (Exception e)
        {
            LogUnread(Name, e.GetType().Name);
            return null;
        }
    }

    /// <summary>Recorded first: what cannot be recorded is not done.</summary>
    private Task<long> Append(string action, string detail) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry
    {
        Actor = RequestActor.Current,
        Action = action,
        Result = AuditResult.Success,
        Object = Name,
        Detail = detail,
    });

    // The name of the key, not the one in the report: the directory's names lead back here.
    private string Name => this.GetPrimaryKeyString()[IEdgeGrain.Key("").Length..];

    private async Task List()
    {
        await GrainFactory.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).Add(Name);
        _listedAt = time.GetTimestamp();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "whether {Edge} is to drain could not be read ({Failure}).")]
    private partial void LogUnread(string edge, string failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Edge} did not take an order ({Failure}).")]
    private partial void LogLost(string edge, string failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What is to be traced is not known ({Failure}).")]
    private partial void LogNoTraces(string failure);
}

[GenerateSerializer, Alias("ivr.state.EdgeDrain")]
internal sealed class EdgeDrainState
{
    [Id(0)] public DateTimeOffset? Until { get; set; }
}
