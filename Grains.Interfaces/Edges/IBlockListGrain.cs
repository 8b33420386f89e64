using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Edges;

/// <summary>Sources that no edge listens to: what one edge decided, and what operators say. One grain, key <see cref="Key"/>.</summary>
[Alias("ivr.IBlockListGrain")]
public interface IBlockListGrain : IGrainWithStringKey
{
    const string Key = "source-blocks";

    /// <summary>Called by each edge every few seconds: tells what it blocked, and hears what is new.</summary>
    [Requires(Permission.EdgeReports), Alias("Exchange")]
    Task<BlockUpdate> Exchange(BlockNews news);

    /// <summary>All that are on, those that end last first.</summary>
    [Requires(Permission.ViewEdges), Alias("List")]
    Task<List<SharedBlock>> List();

    /// <summary>Blocks a source, also one of a trunk. Audited. False when it is none: an IPv4 address, or an IPv6 address, which stands for its /64.</summary>
    [Requires(Permission.BlockSources), Alias("Add")]
    Task<bool> Add(string source, TimeSpan time, string reason);

    /// <summary>Ends a block at every edge. Audited. False when there was none.</summary>
    [Requires(Permission.BlockSources), Alias("Remove")]
    Task<bool> Remove(string source, string reason);
}

/// <summary>One block.</summary>
[GenerateSerializer, Immutable, Alias("ivr.SharedBlock")]
public sealed class SharedBlock
{
    /// <summary><c>192.0.2.7</c> or <c>2001:db8::/64</c>.</summary>
    [Id(0)] public required string Source { get; init; }

    /// <summary>The offence that was the last straw, as metrics name it; <c>operator</c>.</summary>
    [Id(1)] public required string Reason { get; init; }
    [Id(2)] public required DateTimeOffset At { get; init; }
    [Id(3)] public required DateTimeOffset Until { get; init; }

    /// <summary>Whether the source could not be forged. What may be, holds against strangers only.</summary>
    [Id(4)] public required bool Proven { get; init; }

    /// <summary>The edge or operator that decided it.</summary>
    [Id(5)] public required string By { get; init; }
}

/// <summary>A block that an operator ended.</summary>
[GenerateSerializer, Immutable, Alias("ivr.LiftedBlock")]
public sealed class LiftedBlock
{
    [Id(0)] public required string Source { get; init; }

    /// <summary>Blocks that began later stand.</summary>
    [Id(1)] public required DateTimeOffset At { get; init; }
}

/// <summary>What an edge tells.</summary>
[GenerateSerializer, Immutable, Alias("ivr.BlockNews")]
public sealed class BlockNews
{
    /// <summary>The most in one exchange, either way.</summary>
    public const int Most = 1000;

    [Id(0)] public required string Edge { get; init; }

    /// <summary>From the last update: which list that was, and up to where it was heard. 0 at first.</summary>
    [Id(1)] public required long Epoch { get; init; }
    [Id(2)] public required long Version { get; init; }

    /// <summary>Blocks of its own that are on.</summary>
    [Id(3)] public required List<SharedBlock> Blocks { get; init; }
}

/// <summary>What an edge hears.</summary>
[GenerateSerializer, Immutable, Alias("ivr.BlockUpdate")]
public sealed class BlockUpdate
{
    [Id(0)] public required long Epoch { get; init; }
    [Id(1)] public required long Version { get; init; }
    [Id(2)] public required List<SharedBlock> Begun { get; init; }
    [Id(3)] public required List<LiftedBlock> Lifted { get; init; }
}
