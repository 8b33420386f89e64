using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Grains.Edges;

/// <summary>Names of edges that reported lately, in memory: they add themselves again.</summary>
internal sealed class EdgeDirectoryGrain(TimeProvider time) : Grain, IEdgeDirectoryGrain
{
    // Edge grains add themselves three times within it.
    internal static readonly TimeSpan Expiry = TimeSpan.FromSeconds(60);

    private readonly SortedDictionary<string, long> _seen = new(StringComparer.Ordinal);

    public Task<List<string>> List()
    {
        foreach (var gone in _seen.Where(e => time.GetElapsedTime(e.Value) > Expiry).Select(e => e.Key).ToList()) _seen.Remove(gone);
        return Task.FromResult(_seen.Keys.ToList());
    }

    public Task Add(string edge)
    {
        _seen[edge] = time.GetTimestamp();
        return Task.CompletedTask;
    }
}
