using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace IvrActors.Grains.Edges;

/// <summary>
/// What an edge last said of itself, and the way down to it, both in memory: an edge says it again every few seconds, to a new activation as well. Reentrant, so that
/// an order under way does not hold up the reports.
/// </summary>
[Reentrant]
internal sealed partial class EdgeGrain(IClusterKeys keys, TimeProvider time, ILogger<EdgeGrain> logger) : Grain, IEdgeGrain
{
    // Some reports may be lost: they come every few seconds.
    internal static readonly TimeSpan Expiry = TimeSpan.FromSeconds(30);

    // An edge that takes longer has a caller on the line who waits.
    private static readonly TimeSpan s_orderTimeout = TimeSpan.FromSeconds(5);

    // The edge waits 5 s for the answer to its report, and without it takes no calls.
    private static readonly TimeSpan s_traceTimeout = TimeSpan.FromSeconds(2);

    private IEdgeObserver? _observer;
    private EdgeReport? _report;
    private long _reportedAt;
    private long? _listedAt;

    public async Task<EdgeOrders> Report(EdgeReport report, IEdgeObserver observer)
    {
        _report = report.Calls.Count <= EdgeReport.MostCalls ? report : new EdgeReport
        {
            Edge = report.Edge,
            At = report.At,
            ActiveCalls = report.ActiveCalls,
            Calls = report.Calls[..EdgeReport.MostCalls],
            Trunks = report.Trunks,
        };
        _observer = observer;
        _reportedAt = time.GetTimestamp();
        if (_listedAt is not { } listed || time.GetElapsedTime(listed) > EdgeDirectoryGrain.Expiry / 3) await List();
        return new EdgeOrders { SealingKey = keys.SealingKey, Traces = await Traces() };
    }

    public Task<EdgeReport?> GetReport() => Task.FromResult(IsFresh ? _report : null);

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

    private async Task List()
    {
        // The name of the key, not the one in the report: the directory's names lead back here.
        var name = this.GetPrimaryKeyString()[IEdgeGrain.Key("").Length..];
        await GrainFactory.GetGrain<IEdgeDirectoryGrain>(IEdgeDirectoryGrain.Key).Add(name);
        _listedAt = time.GetTimestamp();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Edge} did not take an order ({Failure}).")]
    private partial void LogLost(string edge, string failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What is to be traced is not known ({Failure}).")]
    private partial void LogNoTraces(string failure);
}
