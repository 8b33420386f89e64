using System.Runtime.InteropServices;
using IvrActors.Grains.Policies;
using Prometheus;

namespace IvrActors.Grains.Callers;

/// <summary>
/// Runs what computes long on threads of its own, so many at once and so many waiting. They yield to all other threads, so that a storm of PINs costs other calls nothing but what
/// is idle, and memory stays within <see cref="ClusterPolicy.PinChecksAtOnce"/> times Argon2's.
/// </summary>
internal sealed partial class PinPool : IDisposable
{
    // At 30 ms each, the last of so many waits about as long as a caller stays on the line.
    internal const int MostWaitingPerSlot = 100;

    // A tenth of the weight of the other threads (sched(7)): they hardly notice, and a processor that is busy for long still checks PINs.
    private const int Niceness = 10;

    private static readonly Gauge s_waiting = Metrics.CreateGauge("ivr_pin_checks_waiting", "PIN checks that wait for their turn.");

    private readonly Lock _lock = new();
    private readonly Queue<Action> _waiting = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly int _threads;
    private readonly int _most;
    private int _unfinished;
    private bool _begun;
    private bool _stopping;

    public PinPool(ClusterPolicy policy)
    {
        _threads = Math.Max(1, policy.PinChecksAtOnce);
        _most = _threads + _threads * MostWaitingPerSlot;
    }

    /// <summary>Runs the work in its turn. Null when too many wait already: then none of it was begun.</summary>
    public Task<TResult?> Run<TResult>(Func<TResult> work) where TResult : struct
    {
        var done = new TaskCompletionSource<TResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_unfinished >= _most) return Task.FromResult<TResult?>(null);
            _unfinished++;
            _waiting.Enqueue(() => Do(work, done));
            s_waiting.Inc();
            if (!_begun) Begin();
        }
        _arrived.Release();
        return done.Task;
    }

    /// <summary>Ends the threads when they have done what waits.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
        }
        _arrived.Release(_threads);
    }

    private void Begin()
    {
        _begun = true;
        // Unsafe: the context of the request that comes first is none of the others' business.
        for (var i = 0; i < _threads; i++) new Thread(Work) { IsBackground = true, Name = "pin-check", Priority = ThreadPriority.BelowNormal }.UnsafeStart();
    }

    private void Do<TResult>(Func<TResult> work, TaskCompletionSource<TResult?> done) where TResult : struct
    {
        TResult? result = null;
        Exception? failure = null;
        try
        {
            result = work();
        }
        catch (Exception e)
        {
            failure = e;
        }
        lock (_lock) _unfinished--;
        if (failure is null) done.SetResult(result);
        else done.SetException(failure);
    }

    private void Work()
    {
        // The runtime's own priorities do nothing on Linux, where each thread has a niceness of its own. That it cannot be had is no reason not to check PINs.
        if (OperatingSystem.IsLinux()) _ = SetPriority(0, 0, Niceness);
        while (true)
        {
            _arrived.Wait();
            Action? work;
            lock (_lock)
            {
                if (!_waiting.TryDequeue(out work)) return;
            }
            s_waiting.Dec();
            work();
        }
    }

    /// <summary>setpriority(2) with PRIO_PROCESS and 0: of the calling thread.</summary>
    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPriority(int which, uint who, int priority);
}
