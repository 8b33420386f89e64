using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Prometheus;

namespace IvrActors.Edge.Limits;

/// <summary>Tells the cluster who proved who they are at this edge, and hears of those that did elsewhere or before it started. Without the cluster the edge goes on with those that it knows.</summary>
internal sealed partial class KnownSharing(EdgeOptions options, KnownCallers known, EdgeToken token, IGrainFactory grains, TimeProvider time, ILogger<KnownSharing> log) : BackgroundService
{
    /// <summary>A history of days may be some seconds old.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(5);

    /// <summary>Until the first exchange nobody is known: try soon again.</summary>
    private static readonly TimeSpan s_firstPeriod = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private static readonly Counter s_failures = Metrics.CreateCounter("ivr_known_exchange_failures_total", "Exchanges of known callers with the cluster that failed.");

    private readonly (long Epoch, long Version)[] _heard = new (long, long)[IKnownCallersGrain.Shards];
    private bool _failing;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                for (var shard = 0; shard < IKnownCallersGrain.Shards; shard++)
                {
                    while (await Exchange(shard, stoppingToken))
                    {
                    }
                }
                _failing = false;
                LimitMetrics.Known.Set(known.Count);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever it is, calls do not depend on it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                s_failures.Inc();
                if (!_failing) Failed(log, e.GetType().Name);
                _failing = true;
            }
            await Task.Delay(known.HasKey ? s_period : s_firstPeriod, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Tells and hears once; whether there is more to hear.</summary>
    private async Task<bool> Exchange(int shard, CancellationToken cancellation)
    {
        RequestContext.Set(RoleToken.ContextKey, token.Value);
        var news = known.TakeNews(shard);
        try
        {
            var (epoch, version) = _heard[shard];
            var update = await grains.GetGrain<IKnownCallersGrain>(IKnownCallersGrain.Key(shard))
                .Exchange(new KnownNews { Edge = options.Name, Epoch = epoch, Version = version, Verified = news }).WaitAsync(s_timeout, time, cancellation);
            known.Take(time.GetElapsedTime(0).Ticks, (int)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalDays, update);
            _heard[shard] = (update.Epoch, update.Version);
            return update.More || news.Length == KnownNews.Most;
        }
        catch
        {
            known.PutBack(shard, news);
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "known callers are not shared with other edges now: {Error}")]
    private static partial void Failed(ILogger log, string error);
}
