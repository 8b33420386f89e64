namespace IvrActors.Edge.Net;

/// <summary>
/// When to ping on one connection of ours, and when its peer is dead (RFC 5626 4.4.1). Not every peer answers pings that were not negotiated,
/// so only one that has answered before is taken for dead when it stops.
/// </summary>
/// <param name="jitter">Says by how much each pause is shorter than the longest, 0 to 1, so that the connections of a restarted edge do not ping in step.</param>
internal sealed class KeepAlive(TimeSpan start, Func<double> jitter)
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_spread = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_mostWait = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private TimeSpan _nextPing = start + s_longestPause - jitter() * s_spread;
    private TimeSpan? _pinged;
    private bool _answers;

    /// <summary>Whether a ping is unanswered.</summary>
    public bool IsWaiting
    {
        get
        {
            lock (_lock) return _pinged is not null;
        }
    }

    /// <summary>A single line end came: the answer to a ping.</summary>
    public void Ponged()
    {
        lock (_lock)
        {
            if (_pinged is null) return;
            _answers = true;
            _pinged = null;
        }
    }

    /// <summary>What is due at <paramref name="now"/>: a ping, the end, or nothing.</summary>
    public KeepAliveStep Step(TimeSpan now)
    {
        lock (_lock)
        {
            if (_answers && _pinged is { } pinged && now - pinged >= s_mostWait) return KeepAliveStep.Dead;
            if (now < _nextPing) return KeepAliveStep.Nothing;
            _nextPing = now + s_longestPause - jitter() * s_spread;
            _pinged = now;
            return KeepAliveStep.Ping;
        }
    }
}

internal enum KeepAliveStep
{
    Nothing,
    Ping,
    Dead,
}
