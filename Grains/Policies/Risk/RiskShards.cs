namespace IvrActors.Grains.Policies.Risk;

/// <summary>Which of the shards keeps what.</summary>
internal static class RiskShards
{
    /// <summary>Enough that the busiest has a few percent of the work, and few enough that a second's notes go in few messages.</summary>
    public const int Count = 64;

    /// <summary>Tags are uniform already. Not by the low bits: by these accounts are sampled.</summary>
    public static int Of(ulong tag) => (int)(tag >> 58);

    public static int Of(string key)
    {
        // FNV-1a: the same on every silo and in every version.
        var hash = 2166136261u;
        foreach (var c in key) hash = (hash ^ c) * 16777619u;
        return (int)((hash ^ (hash >> 16)) % Count);
    }
}
