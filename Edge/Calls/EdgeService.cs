using IvrActors.Edge.Net;
using IvrActors.Edge.Tracing;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Calls;

/// <summary>Runs the edge: opens the sockets, keeps the edge known to the cluster, and at the end lets no call hang.</summary>
internal sealed partial class EdgeService(EdgeOptions options, EdgeLoop loop, SipListeners listeners, EdgeReadiness readiness, DrainWatch drain, EdgeToken token, EdgeIncarnation life, CallTracer tracer,
    IGrainFactory grains, TimeProvider time, ILogger<EdgeService> log) : IHostedLifecycleService, IEdgeObserver, IDisposable
{
    private static readonly TimeSpan s_reportPeriod = TimeSpan.FromSeconds(2);

    /// <summary>Until the first report succeeded no call can be taken: try soon again.</summary>
    private static readonly TimeSpan s_firstReportPeriod = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan s_reportTimeout = TimeSpan.FromSeconds(5);
    /// <summary>The cluster misses an edge that it has not heard for 4 s.</summary>
    private static readonly TimeSpan s_beatPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_drainTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stopping = new();
    private Task _reporting = Task.CompletedTask;
    private Task _beating = Task.CompletedTask;
    private long _heardAt;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        listeners.Open();
        readiness.Listening();
        _reporting = Task.Run(Report, CancellationToken.None);
        _beating = Task.Run(Beat, CancellationToken.None);
        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Before any service stops: the web server, once asked, lets no stream go on, and waits for those that are open.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        drain.End();
        try
        {
            await CallsEnd(options.DrainAtStop, cancellationToken);
            await loop.Drain().WaitAsync(s_drainTime, time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            DrainCutShort(log, loop.ActiveCalls);
        }
        listeners.EndStreams();
    }

    /// <summary>Lets calls end by themselves for this long.</summary>
    private async Task CallsEnd(TimeSpan atMost, CancellationToken cancellation)
    {
        for (var since = time.GetTimestamp(); loop.ActiveCalls > 0 && time.GetElapsedTime(since) < atMost;) await Task.Delay(s_look, time, cancellation);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _reporting;
        await _beating;
        await SayGoodbye();
        await tracer.Stop();
        listeners.Dispose();
    }

    public Task Order(CallId call, CallCommand command)
    {
        loop.Order(call, command);
        return Task.CompletedTask;
    }

    public Task Trace(List<TraceOrder> orders)
    {
        tracer.Set(orders);
        return Task.CompletedTask;
    }

    public void Dispose() => _stopping.Dispose();

    private async Task Report()
    {
        IEdgeObserver? self = null;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                self ??= grains.CreateObjectReference<IEdgeObserver>(this);
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                var report = await loop.Report().WaitAsync(s_reportTimeout, time, _stopping.Token);
                var asked = time.GetUtcNow();
                var orders = await Grain.Report(report, self).WaitAsync(s_reportTimeout, time, _stopping.Token);
                if (orders.Superseded) loop.Disown(report.Incarnation, Sure);
                else Heard(report.Incarnation, asked);
                readiness.Heard(orders.SealingKey);
                if (!orders.DrainUnknown) drain.Take(orders.DrainUntil);
                tracer.Renew(orders.Traces);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                break;
            }
#pragma warning disable CA1031 // Whatever it is: the edge goes on and tries again, and readiness says that it is not heard.
            catch (Exception e)
#pragma warning restore CA1031
            {
                EdgeMetrics.ReportsFailed.Inc();
                ReportFailed(log, e.GetType().Name);
            }
            drain.Check();
            var pause = readiness.SealingKey is null ? s_firstReportPeriod : s_reportPeriod;
            await Task.Delay(pause, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (self is not null) grains.DeleteObjectReference<IEdgeObserver>(self);
    }

    /// <summary>Between reports, which are larger and may wait: the cluster is told that this edge lives, and its signalling thread with it. Whether it was missed meanwhile comes back.</summary>
    private async Task Beat()
    {
        while (!_stopping.IsCancellationRequested)
        {
            await Task.Delay(s_beatPeriod, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!life.IsKnown || _stopping.IsCancellationRequested) continue;
            try
            {
                var (current, asked) = (life.Value, time.GetUtcNow());
                await loop.Turn().WaitAsync(s_reportTimeout, time, _stopping.Token);
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                if (await Grain.Beat(current).WaitAsync(s_reportTimeout, time, _stopping.Token)) Heard(current, asked);
                else loop.Disown(current, Sure);
            }
#pragma warning disable CA1031 // A silo is gone, or one of an older version: the reports go on, and the calls.
            catch (Exception e)
#pragma warning restore CA1031
            {
                BeatFailed(log, e.GetType().Name);
            }
        }
    }

    /// <summary>A process that stops in order is not missed.</summary>
    private async Task SayGoodbye()
    {
        if (!life.IsKnown) return;
        try
        {
            RequestContext.Set(RoleToken.ContextKey, token.Value);
            var last = new EdgeReport { Edge = options.Name, At = time.GetUtcNow(), ActiveCalls = 0, Calls = [], Incarnation = life.Value, Birth = EdgeBirth.Ended };
            var self = grains.CreateObjectReference<IEdgeObserver>(this);
            await Grain.Report(last, self).WaitAsync(s_farewell, time);
            grains.DeleteObjectReference<IEdgeObserver>(self);
        }
#pragma warning disable CA1031 // Then it is missed.
        catch (Exception e)
#pragma warning restore CA1031
        {
            BeatFailed(log, e.GetType().Name);
        }
    }

    private IEdgeGrain Grain => grains.GetGrain<IEdgeGrain>(IEdgeGrain.Key(options.Name));

    /// <summary>Until when the cluster surely knew this life.</summary>
    private DateTimeOffset Sure => new(Interlocked.Read(ref _heardAt), TimeSpan.Zero);

    private void Heard(string current, DateTimeOffset asked)
    {
        life.Known(current);
        Interlocked.Exchange(ref _heardAt, asked.UtcTicks);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "a beat to the cluster failed: {Error}")]
    private static partial void BeatFailed(ILogger log, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "report to the cluster failed: {Error}")]
    private static partial void ReportFailed(ILogger log, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "stopped while {Calls} calls were not ended yet")]
    private static partial void DrainCutShort(ILogger log, int calls);
}
