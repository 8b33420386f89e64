using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>Whether this edge can take calls: for /health/ready and for new INVITEs.</summary>
public sealed class EdgeReadiness(TimeProvider time)
{
    /// <summary>Several reports must have failed: one slow answer refuses no call.</summary>
    private static readonly TimeSpan s_mostSilence = TimeSpan.FromSeconds(15);

    private volatile SealingKey? _sealingKey;
    private volatile bool _listening;
    private volatile bool _draining;
    private volatile bool _leased;
    private long _heardAt;

    /// <summary>The key to which secret digits are sealed; null until the cluster gave it.</summary>
    public SealingKey? SealingKey => _sealingKey;

    /// <summary>Sockets listen, the sealing key is known, limits have been leased, the cluster answered lately, and nobody asked the edge to stop.</summary>
    public bool IsReady => _listening && _leased && TakesCalls;

    internal bool TakesCalls => !_draining && _sealingKey is not null && time.GetElapsedTime(Interlocked.Read(ref _heardAt)) < s_mostSilence;

    /// <summary>The first call finds a lease of each limit, or a limit that is used up.</summary>
    internal void Leased() => _leased = true;

    internal void Listening() => _listening = true;

    internal bool IsDraining => _draining;

    internal void Draining(bool on = true) => _draining = on;

    internal void Heard(SealingKey key)
    {
        Interlocked.Exchange(ref _heardAt, time.GetTimestamp());
        _sealingKey = key;
    }
}
