using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>Calls whose keys a machine seems to press, for as long as a call may last. Bounded: when it is full, the oldest give way.</summary>
internal sealed class SuspectCalls
{
    /// <summary>In one of <see cref="RiskShards.Count"/> shards.</summary>
    internal const int Most = 2048;

    internal static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    private readonly Dictionary<CallId, TimeSpan> _calls = [];

    public int Count => _calls.Count;

    public void Add(TimeSpan now, CallId call)
    {
        if (_calls.Count >= Most && !_calls.ContainsKey(call))
        {
            foreach (var old in _calls.OrderBy(entry => entry.Value).Take(Most / 16).Select(entry => entry.Key).ToList()) _calls.Remove(old);
        }
        _calls[call] = now;
    }

    public bool Has(TimeSpan now, CallId call) => _calls.TryGetValue(call, out var at) && now - at <= Memory;
}
