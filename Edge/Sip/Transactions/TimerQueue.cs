namespace IvrActors.Edge.Sip.Transactions;

/// <summary>Something that wants to be called at a time.</summary>
public interface ITimed
{
    /// <summary>Ticks of 100 ns, or <see cref="SipTimes.Never"/>.</summary>
    long NextDeadline { get; }

    /// <summary>Kept by the queue: for when this is queued.</summary>
    long QueuedFor { get; set; }
}

/// <summary>
/// Deadlines of many things by time. An entry is not moved when its deadline moves later: it comes up early and is queued again, so that
/// a timer that is set and stopped over and over costs nothing.
/// </summary>
public sealed class TimerQueue<T> where T : class, ITimed
{
    private readonly PriorityQueue<T, long> _queue = new();

    public long NextDeadline => _queue.TryPeek(out _, out var deadline) ? deadline : SipTimes.Never;

    /// <summary>Takes notice of the item's deadline. Call it after everything that may have brought it forward.</summary>
    public void Schedule(T item)
    {
        var deadline = item.NextDeadline;
        if (deadline >= item.QueuedFor) return;
        item.QueuedFor = deadline;
        _queue.Enqueue(item, deadline);
    }

    /// <summary>Takes one item whose deadline has passed, or null. Schedule it again after it was handled.</summary>
    public T? TakeDue(long now)
    {
        while (_queue.TryPeek(out var item, out var queuedFor) && queuedFor <= now)
        {
            _queue.Dequeue();
            if (item.QueuedFor != queuedFor) continue;
            item.QueuedFor = SipTimes.Never;
            if (item.NextDeadline <= now) return item;
            Schedule(item);
        }
        return null;
    }
}
