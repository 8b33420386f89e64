using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Prometheus;

namespace IvrActors.Edge.Net;

/// <summary>Tells the cluster what this edge blocked, and hears what others did. Without the cluster every edge goes on with its own: that is counted, and blocks nobody more.</summary>
internal sealed partial class BlockSharing(EdgeOptions options, SourceReputation reputation, EdgeToken token, IGrainFactory grains, TimeProvider time, ILogger<BlockSharing> log) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private static readonly Counter s_failures = Metrics.CreateCounter("ivr_block_exchange_failures_total", "Exchanges of blocks with the cluster that failed.");

    private long _epoch;
    private long _version;
    private long _toldFrom = long.MinValue;
    private bool _failing;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(s_period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested) return;
            try
            {
                while (await Exchange(stoppingToken))
                {
                }
                _failing = false;
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
        }
    }

    /// <summary>Tells and hears once; whether there is more to hear.</summary>
    private async Task<bool> Exchange(CancellationToken cancellation)
    {
        RequestContext.Set(RoleToken.ContextKey, token.Value);
        var own = reputation.OwnBlocks(BlockNews.Most, _toldFrom, out var newest);
        var news = new BlockNews { Edge = options.Name, Epoch = _epoch, Version = _version, Blocks = own };
        var update = await grains.GetGrain<IBlockListGrain>(IBlockListGrain.Key).Exchange(news).WaitAsync(s_timeout, time, cancellation);
        reputation.Take(update);
        // Another list knows nothing yet of what this edge told the one before.
        _toldFrom = update.Epoch == _epoch ? newest : long.MinValue;
        var more = update.Begun.Count >= BlockNews.Most || update.Epoch != _epoch;
        (_epoch, _version) = (update.Epoch, update.Version);
        return more;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "blocks are not shared with other edges now: {Error}")]
    private static partial void Failed(ILogger log, string error);
}
