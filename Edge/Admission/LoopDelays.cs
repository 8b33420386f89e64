namespace IvrActors.Edge.Admission;

/// <summary>
/// How long the signalling thread's queue stands, from probes that pass through it one after the other. The least of the last counts, because a queue that stands is in all
/// of them (as CoDel tells it, RFC 8289 3.2); one long step, such as compiling what a first call needs, is in one.
/// </summary>
public sealed class LoopDelays
{
    /// <summary>Probes of which the least counts.</summary>
    private const int Probes = 3;

    /// <summary>A probe that is out for so long says by itself that the thread stands still.</summary>
    private static readonly TimeSpan s_standsStill = TimeSpan.FromSeconds(2);

    private readonly Queue<TimeSpan> _returned = new(Enumerable.Repeat(TimeSpan.Zero, Probes));
    private TimeSpan? _waiting;

    /// <summary>The newest probe is back.</summary>
    public void Returned(TimeSpan delay)
    {
        _returned.Dequeue();
        _returned.Enqueue(delay);
        _waiting = null;
    }

    /// <summary>The newest probe is still out.</summary>
    public void Waiting(TimeSpan delay) => _waiting = delay;

    public TimeSpan Standing => _waiting switch
    {
        { } waiting when waiting >= s_standsStill => waiting,
        { } waiting => _returned.Skip(1).Append(waiting).Min(),
        null => _returned.Min(),
    };
}
