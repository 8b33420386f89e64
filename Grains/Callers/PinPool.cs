using IvrActors.Grains.Policies;
using Prometheus;

namespace IvrActors.Grains.Callers;

/// <summary>
/// Runs what computes long on the thread pool, off the grain scheduler, so many at once and so many waiting, so that a storm of PINs costs other grains nothing and
/// memory stays within <see cref="ClusterPolicy.PinChecksAtOnce"/> times Argon2's.
/// </summary>
internal sealed class PinPool(ClusterPolicy policy) : IDisposable
{
    // At 30 ms each, the last of so many waits about as long as a caller stays on the line.
    internal const int MostWaitingPerSlot = 100;

    private static readonly Gauge s_waiting = Metrics.CreateGauge("ivr_pin_checks_waiting", "PIN checks that wait for their turn.");

    private readonly int _most = Math.Max(1, policy.PinChecksAtOnce) * MostWaitingPerSlot;
    private readonly SemaphoreSlim _slots = new(Math.Max(1, policy.PinChecksAtOnce));
    private int _waiting;

    /// <summary>Runs the work in its turn. Null when too many wait already.</summary>
    public async Task<TResult?> Run<TResult>(Func<TResult> work) where TResult : struct
    {
        if (Interlocked.Increment(ref _waiting) > _most)
        {
            Interlocked.Decrement(ref _waiting);
            return null;
        }
        s_waiting.Inc();
        try
        {
            await _slots.WaitAsync();
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            s_waiting.Dec();
        }
        try
        {
            // Task.Run takes the thread pool's scheduler, never the activation's.
            return await Task.Run(work);
        }
        finally
        {
            _slots.Release();
        }
    }

    public void Dispose() => _slots.Dispose();
}
