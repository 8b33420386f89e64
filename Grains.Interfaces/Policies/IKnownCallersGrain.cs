using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>
/// Callers with a good history: who proved lately who they are, as keyed hashes of number, trunk and what vouches for the number. Sharded by the hash; edges tell whom they saw, and hear of
/// those that others saw. Key: <see cref="Key"/>.
/// </summary>
[Alias("ivr.IKnownCallersGrain")]
public interface IKnownCallersGrain : IGrainWithStringKey
{
    /// <summary>A power of two. Few, because each edge asks each of them.</summary>
    const int Shards = 8;

    static string Key(int shard) => $"known-callers/{shard}";

    static int ShardOf(ulong caller) => (int)(caller >> 61);

    /// <summary>Called by each edge every few seconds.</summary>
    [Requires(Permission.EdgeReports), Alias("Exchange")]
    Task<KnownUpdate> Exchange(KnownNews news);
}

/// <summary>What an edge tells.</summary>
[GenerateSerializer, Immutable, Alias("ivr.KnownNews")]
public sealed class KnownNews
{
    /// <summary>The most in one exchange, either way.</summary>
    public const int Most = 4000;

    [Id(0)] public required string Edge { get; init; }

    /// <summary>From the last update: which list that was, and up to where it was heard. 0 at first.</summary>
    [Id(1)] public required long Epoch { get; init; }
    [Id(2)] public required long Version { get; init; }

    /// <summary>Who proved who they are since.</summary>
    [Id(3)] public required ulong[] Verified { get; init; }
}

/// <summary>What an edge hears.</summary>
[GenerateSerializer, Immutable, Alias("ivr.KnownUpdate")]
public sealed class KnownUpdate
{
    [Id(0)] public required long Epoch { get; init; }
    [Id(1)] public required long Version { get; init; }

    /// <summary>Whether there is more to hear at once.</summary>
    [Id(2)] public required bool More { get; init; }

    /// <summary>Callers, and the day (since 1970) on which each was seen last.</summary>
    [Id(3)] public required ulong[] Callers { get; init; }
    [Id(4)] public required int[] Days { get; init; }

    /// <summary>What edges hash callers with, 32 bytes. Kept in memory only: with it, numbers could be tried.</summary>
    [Id(5)] public required byte[] HashKey { get; init; }
}
