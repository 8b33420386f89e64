using System.Collections.Concurrent;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Remembers the newest version that this process wrote or read of each durable state, so that a whole row put back while the
/// process runs (ciphertext and version together) is noticed at its next read.
/// </summary>
internal sealed class NewestVersions
{
    // About 150 bytes each. When full it starts anew: it then knows less, and never refuses wrongly.
    private const int Most = 200_000;

    private readonly ConcurrentDictionary<(string State, GrainId Grain), long> _versions = new();

    public void Saw(string state, GrainId grain, long version)
    {
        if (_versions.Count >= Most) _versions.Clear();
        _versions.AddOrUpdate((state, grain), version, (_, known) => Math.Max(known, version));
    }

    /// <summary>False when a newer version of this state is known. Version 0 stands for no row.</summary>
    public bool IsNewest(string state, GrainId grain, long version)
    {
        if (_versions.TryGetValue((state, grain), out var known) && known > version) return false;
        if (version > 0) Saw(state, grain, version);
        return true;
    }

    /// <summary>The state was removed by whom it belongs to.</summary>
    public void Forget(string state, GrainId grain) => _versions.TryRemove((state, grain), out _);
}
