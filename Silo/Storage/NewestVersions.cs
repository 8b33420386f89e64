using System.Collections.Concurrent;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Remembers the newest version that this process wrote or read of each durable state, so that a whole row put back while the
/// process runs (ciphertext and version together) is noticed at its next read.
/// </summary>
/// <param name="most">About 150 bytes each. When full it starts anew: it then knows less, and never refuses wrongly.</param>
internal sealed class NewestVersions(int most = 200_000)
{
    private readonly ConcurrentDictionary<(string State, GrainId Grain), long> _versions = new();

    // Ours: the dictionary's own count takes all of its locks, up to a thousand, which costs more than the write that asks.
    private int _count;

    public void Saw(string state, GrainId grain, long version)
    {
        while (true)
        {
            if (_versions.TryGetValue((state, grain), out var known))
            {
                if (known >= version || _versions.TryUpdate((state, grain), version, known)) return;
            }
            else if (_versions.TryAdd((state, grain), version))
            {
                if (Interlocked.Increment(ref _count) <= most) return;
                _versions.Clear();
                Volatile.Write(ref _count, 0);
            }
        }
    }

    /// <summary>False when a newer version of this state is known. Version 0 stands for no row.</summary>
    public bool IsNewest(string state, GrainId grain, long version)
    {
        if (_versions.TryGetValue((state, grain), out var known) && known > version) return false;
        if (version > 0) Saw(state, grain, version);
        return true;
    }

    /// <summary>The state was removed by whom it belongs to.</summary>
    public void Forget(string state, GrainId grain)
    {
        if (_versions.TryRemove((state, grain), out _)) Interlocked.Decrement(ref _count);
    }
}
