using System.Collections.Concurrent;

namespace IvrActors.Edge.Limits;

/// <summary>
/// INVITEs that found a limit's lease used up while the cluster may have more. They wait for the answer that is on its way, which takes milliseconds, rather than be refused: a proxy that is told
/// 503 keeps all calls away for seconds. Bounded in number and in time, and no thread waits with them. Any thread.
/// </summary>
internal sealed class WaitingCalls(EdgeOptions options, TimeProvider time)
{
    /// <summary>What one edge can be offered within that time.</summary>
    private const int Most = 500;

    private readonly ConcurrentQueue<(Func<bool, bool> Again, long Since)> _calls = new();
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Has a call judged again soon. False when too many wait.</summary>
    /// <param name="again">Judges; told whether it is for the last time; true when it is decided.</param>
    public bool TryAdd(Func<bool, bool> again)
    {
        if (Interlocked.Increment(ref _count) > Most)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }
        _calls.Enqueue((again, time.GetTimestamp()));
        return true;
    }

    /// <summary>Has something tried again soon on a thread of its own, unless it was begun longer ago than a call waits, or too many wait.</summary>
    /// <param name="since">When it was tried first, of the time provider.</param>
    /// <param name="post">Runs something on that thread; is told the time there.</param>
    public bool TryAgain(long since, Action<Action<long>> post, Action<long> again) => time.GetElapsedTime(since) < options.LimitPatience && TryAdd(_ =>
    {
        post(again);
        return true;
    });

    /// <summary>Something may have come: judges all that wait.</summary>
    public void Wake()
    {
        for (var left = _calls.Count; left > 0 && _calls.TryDequeue(out var call); left--)
        {
            if (call.Again(time.GetElapsedTime(call.Since) >= options.LimitPatience)) Interlocked.Decrement(ref _count);
            else _calls.Enqueue(call);
        }
    }
}
