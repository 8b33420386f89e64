using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Limits;

/// <summary>Asks the cluster for what limits lease, before it is used up, and gives it back at the end. No call waits for it but those that came when there was nothing.</summary>
internal sealed partial class LeaseKeeper(EdgeLimits limits, WaitingCalls waiting, EdgeReadiness readiness, EdgeToken token, IGrainFactory grains, TimeProvider time, ILogger<LeaseKeeper> log)
    : BackgroundService
{
    /// <summary>How long an answer is waited for: an edge that asks in vain must know it well before its leases are void.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    /// <summary>How often it looks when nobody calls for it.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _low = new(0);
    private int _isCalled;
    private long _shownAt;
    private bool _failing;

    private long Now => time.GetElapsedTime(0).Ticks;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // The calls are over by now: all is given back, so that others have it at once.
        await Task.WhenAll(limits.All.Select(limit => Ask(limit, limits.Locked(() =>
        {
            limit.Lease.GiveUp(Now);
            return limit.Lease.Next(Now);
        }))));
        LimitMetrics.Clear(limits);
    }

    public override void Dispose()
    {
        _low.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        limits.RunsLow = Call;
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var limit in limits.All)
            {
                if (limits.Locked(() => limit.Lease.Next(Now)) is { } ask) _ = Ask(limit, ask);
            }
            if (limits.AreReady(Now)) readiness.Leased();
            if (time.GetElapsedTime(_shownAt) >= LeaseTimes.Period)
            {
                LimitMetrics.Show(limits, Now);
                _shownAt = time.GetTimestamp();
            }
            try
            {
                await _low.WaitAsync(waiting.Count > 0 ? s_look / 10 : s_look, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            Volatile.Write(ref _isCalled, 0);
            waiting.Wake();
        }
    }

    private void Call()
    {
        if (Interlocked.Exchange(ref _isCalled, 1) == 0) _low.Release();
    }

    private async Task Ask(SharedLimit limit, LimitAsk? ask)
    {
        if (ask is null) return;
        try
        {
            RequestContext.Set(RoleToken.ContextKey, token.Value);
            var grant = await grains.GetGrain<ILimitGrain>(limit.Key).Lease(ask).WaitAsync(s_timeout, time);
            limits.Locked(() =>
            {
                limit.Lease.Answered(Now, ask.Seq, grant);
                return true;
            });
            LimitMetrics.Asked(limit.Scope, grant.Unavailable ? "unavailable" : "answered");
            if (grant.Unavailable) readiness.Leased();
            _failing = false;
            Call();
        }
#pragma warning disable CA1031 // Whatever it is, the limit's own rule says what calls do meanwhile.
        catch (Exception e)
#pragma warning restore CA1031
        {
            limits.Locked(() =>
            {
                limit.Lease.Failed(Now, ask.Seq);
                return true;
            });
            LimitMetrics.Asked(limit.Scope, "failed");
            if (!_failing) Failed(log, limit.Scope, e.GetType().Name);
            _failing = true;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a limit could not be asked, of a {Scope}: {Error}")]
    private static partial void Failed(ILogger log, string scope, string error);
}
