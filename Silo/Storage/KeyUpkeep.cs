using IvrActors.Silo.Cluster;
using Prometheus;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Keeps this silo's keys those of the cluster, and moves rows to the current key, slowly and in the background. Every silo does: what one has moved, the others pass over.
/// </summary>
internal sealed partial class KeyUpkeep(KeyRing ring, Reencryption rows, KeySettings settings, TimeProvider time, ILogger<KeyUpkeep> logger) : BackgroundService
{
    /// <summary>After a key was made: by then every silo knows it, and what was written under the one before has come to the database.</summary>
    public static readonly TimeSpan Settling = LiveKeys.Staleness + LiveKeys.Staleness;

    private static readonly TimeSpan s_busy = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_idle = TimeSpan.FromMinutes(1);

    private static readonly Gauge s_expiry = Metrics.CreateGauge("ivr_key_current_expires_timestamp_seconds", "When the current key of the ring is replaced.");
    private static readonly Gauge s_lastCheck = Metrics.CreateGauge("ivr_key_ring_last_check_timestamp_seconds", "When this silo last knew the ring as it is.");
    private static readonly Gauge s_old = Metrics.CreateGauge("ivr_key_old_rows", "Rows that are still under a key that is not the current one, as far as this silo has counted.");
    private static readonly Gauge s_unreadable = Metrics.CreateGauge("ivr_key_unreadable_rows", "Rows that no key of the ring opens, when they were last looked through.");
    private static readonly Counter s_rewritten = Metrics.CreateCounter("ivr_key_rewritten_rows_total", "Rows moved to the current key.");

    // Found done by this process, where it could not be written down for all.
    private Guid? _done;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(Watch(stoppingToken), MoveAll(stoppingToken));

    /// <summary>One step: counts, and moves what is not under the current key.</summary>
    /// <returns>Whether there may be more to do soon.</returns>
    internal async Task<bool> Move(CancellationToken cancellation)
    {
        var current = ring.Live.Current;
        if (ring.Live.All.All(key => key.KeyId == current.KeyId) || _done == current.KeyId || await rows.Done() == current.KeyId)
        {
            s_old.Set(0);
            return false;
        }
        if (time.GetUtcNow() < current.CreationDate + Settling) return true;
        ring.MoveSecrets();
        var counts = await rows.Count(settings.RowsPerSecond, cancellation);
        var old = counts.Where(of => of.Key != current.KeyId && of.Key != Guid.Empty).Sum(of => of.Value);
        s_old.Set(old);
        long told = 0;
        rows.Progress += Tell;
        try
        {
            // A rotation meanwhile counts at once: what is under this one then is old, too.
            var pass = await rows.Pass(id => id != ring.Live.Current.KeyId, settings.RowsPerSecond, cancellation);
            s_unreadable.Set(pass.Unreadable);
            if (pass.Rewritten > 0) LogRewritten(pass.Rewritten);
            if (pass.Rewritten + pass.Changed > 0 || ring.Live.Current.KeyId != current.KeyId) return true;
            if (pass.Unreadable > 0) LogUnreadable(pass.Unreadable);
            if (pass.Foreign + pass.Unreadable == 0) await rows.MarkDone(current.KeyId);
            _done = current.KeyId;
            return false;
        }
        finally
        {
            rows.Progress -= Tell;
        }

        void Tell(long rewritten, long looked)
        {
            s_rewritten.Inc(rewritten - told);
            told = rewritten;
            s_old.Set(Math.Max(0, old - rewritten));
        }
    }

    private async Task Watch(CancellationToken stoppingToken)
    {
        var known = ring.Live.Current.KeyId;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                ring.Live.Check();
                ring.DataKeys.Sweep();
                var current = ring.Live.Current;
                s_lastCheck.Set(time.GetUtcNow().ToUnixTimeSeconds());
                s_expiry.Set(Min(current.ExpirationDate, current.CreationDate + settings.Lifetime).ToUnixTimeSeconds());
                if (current.KeyId != known) LogCurrent(current.KeyId);
                known = current.KeyId;
            }
            catch (KeyRingException e)
            {
                LogCheckFailed(e.Message);
            }
            await Task.Delay(LiveKeys.CheckPeriod, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task MoveAll(CancellationToken stoppingToken)
    {
        var wait = s_busy;
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested) return;
            try
            {
                wait = await Move(stoppingToken) ? s_busy : s_idle;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // What escapes here would stop the process; the rows tell what is left, and the next step goes on there.
                LogMoveFailed(e.GetType().Name);
                wait = s_idle;
            }
            catch (Exception)
            {
                // The silo is ending: what is left is found by the next.
            }
        }
    }

    private static DateTimeOffset Min(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    [LoggerMessage(Level = LogLevel.Information, Message = "the current key of the ring is {Key}")]
    private partial void LogCurrent(Guid key);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} rows were moved to the current key")]
    private partial void LogRewritten(long count);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} rows are under no key of the ring that opens: nobody can read them")]
    private partial void LogUnreadable(long count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the key ring could not be checked: {Failure}")]
    private partial void LogCheckFailed(string failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "rows could not be moved to the current key: {Failure}")]
    private partial void LogMoveFailed(string failure);
}
