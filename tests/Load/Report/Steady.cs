namespace IvrActors.Load.Report;

/// <summary>The time in which all of a scenario's calls are up, and what the server used in it. It begins a second after the last call, when that one is answered.</summary>
internal sealed class Steady
{
    private long _allUpAt, _from, _to;
    private double _cpuFrom, _cpuTo;

    public double Cores => _to > _from ? (_cpuTo - _cpuFrom) / TimeSpan.FromTicks(_to - _from).TotalSeconds : 0;

    public bool Is(bool allUp, long now, ServerProbe? probe)
    {
        if (!allUp) return false;
        if (_allUpAt == 0) _allUpAt = now;
        if (now - _allUpAt < TimeSpan.TicksPerSecond) return false;
        if (_from == 0) (_from, _cpuFrom) = (now, probe?.CpuSecondsNow ?? 0);
        if (now - _to > TimeSpan.TicksPerSecond) (_to, _cpuTo) = (now, probe?.CpuSecondsNow ?? 0);
        return true;
    }
}
