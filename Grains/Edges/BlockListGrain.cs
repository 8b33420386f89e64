using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Edges;

/// <summary>
/// Shares blocks between edges. Those of edges live in memory: edges tell them again to a new activation, whose epoch is another. Those of operators are stored.
/// Under an attack with forged sources nothing is written.
/// </summary>
internal sealed class BlockListGrain : Grain, IBlockListGrain
{
    private const int MostReason = 200;

    private readonly TimeProvider _time;
    private readonly StoredRow<BlockListState> _row;
    private readonly BlockList _list = new();
    private readonly long _epoch;
    private bool _loaded;

    public BlockListGrain(IGrainContext context, [FromKeyedServices(StoredRow<BlockListState>.Storage)] IGrainStorage storage, TimeProvider time)
    {
        _time = time;
        _row = new StoredRow<BlockListState>(storage, "blocks", context.GrainId);
        _epoch = Random.Shared.NextInt64(1, long.MaxValue);
    }

    public async Task<BlockUpdate> Exchange(BlockNews news)
    {
        await Load();
        var now = _time.GetUtcNow();
        foreach (var block in news.Blocks.Take(BlockNews.Most)) _list.Merge(now, block);
        PolicyMetrics.SharedBlocks.Set(_list.Count);
        var (begun, lifted, version) = _list.Since(now, news.Epoch == _epoch ? news.Version : 0);
        return new BlockUpdate { Epoch = _epoch, Version = version, Begun = begun, Lifted = lifted };
    }

    public async Task<List<SharedBlock>> List()
    {
        await Load();
        return _list.Current(_time.GetUtcNow());
    }

    public async Task<bool> Add(string source, TimeSpan time, string reason)
    {
        await Load();
        if (BlockList.SourceOf(source) is null || time <= TimeSpan.Zero) return false;
        await Append("operator.block", source, reason);
        _list.Add(_time.GetUtcNow(), source, time, RequestActor.Current);
        await Store();
        return true;
    }

    public async Task<bool> Remove(string source, string reason)
    {
        await Load();
        if (BlockList.SourceOf(source) is not { } prefix || _list.Current(_time.GetUtcNow()).TrueForAll(block => block.Source != prefix)) return false;
        await Append("operator.unblock", source, reason);
        _list.Remove(_time.GetUtcNow(), source);
        await Store();
        return true;
    }

    private async Task Load()
    {
        if (_loaded) return;
        var now = _time.GetUtcNow();
        foreach (var block in (await _row.Read()).Blocks.Where(block => block.Until > now)) _list.Add(now, block.Source, block.Until - now, block.By);
        _loaded = true;
    }

    private async Task Store()
    {
        PolicyMetrics.SharedBlocks.Set(_list.Count);
        await _row.Read();
        await _row.Write(new BlockListState { Blocks = [.. _list.Current(_time.GetUtcNow()).Where(block => block.Reason == BlockList.Operator)] });
    }

    /// <summary>Recorded first: what cannot be recorded is not done. The source is a network's address, which an operator named; it is no caller's.</summary>
    private Task<long> Append(string action, string source, string reason) =>
        GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry
        {
            Actor = RequestActor.Current,
            Action = action,
            Result = AuditResult.Success,
            Object = BlockList.SourceOf(source)!,
            Detail = reason.Length <= MostReason ? reason : reason[..MostReason],
        });
}

[GenerateSerializer, Alias("ivr.state.BlockList")]
internal sealed class BlockListState
{
    [Id(0)] public List<SharedBlock> Blocks { get; set; } = [];
}
