using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IvrActors.Grains.Edges;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies;

/// <summary>
/// Storage around <see cref="KnownCallers"/>. Written some time after a change, because a history of days may lose half a minute; what an edge tells again is no other change. Hashes only: which
/// number one stands for, nobody can tell without the key, and no row has that.
/// </summary>
internal sealed partial class KnownCallersGrain : Grain, IKnownCallersGrain
{
    /// <summary>Of a shard: half a million in all shards, 6 MB in the database.</summary>
    private const int Most = 65_536;

    /// <summary>As long as an edge keeps them.</summary>
    private const int Days = 45;

    private static readonly TimeSpan s_writePeriod = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time;
    private readonly IClusterKeys _keys;
    private readonly ILogger _logger;
    private readonly StoredRow<KnownCallersState> _row;
    private readonly KnownCallers _known = new(Most, Days);
    private readonly long _epoch = Random.Shared.NextInt64(1, long.MaxValue);
    private bool _isLoaded;
    private bool _isChanged;

    public KnownCallersGrain(IGrainContext context, [FromKeyedServices(StoredRow<KnownCallersState>.Storage)] IGrainStorage storage, IClusterKeys keys, TimeProvider time, ILogger<KnownCallersGrain> logger)
    {
        (_time, _keys, _logger) = (time, keys, logger);
        _row = new StoredRow<KnownCallersState>(storage, "known-callers", context.GrainId);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(Store, new GrainTimerCreationOptions { DueTime = s_writePeriod, Period = s_writePeriod });
        return Task.CompletedTask;
    }

    /// <summary>A silo that ends in order loses nothing.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => Store();

    public async Task<KnownUpdate> Exchange(KnownNews news)
    {
        EdgeName.Demand(news.Edge);
        await Load();
        foreach (var caller in news.Verified.Take(KnownNews.Most)) _isChanged |= _known.See(caller, Today);
        var (changed, version, more) = _known.Since(news.Epoch == _epoch ? news.Version : 0, KnownNews.Most);
        return new KnownUpdate
        {
            Epoch = _epoch,
            Version = version,
            More = more,
            Callers = [.. changed.Select(one => one.Caller)],
            Days = [.. changed.Select(one => one.Day)],
            HashKey = HMACSHA256.HashData(_keys.PseudonymKey(IAuditGrain.Cluster), "known callers v1"u8),
        };
    }

    private int Today => (int)(_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalDays;

    private async Task Load()
    {
        if (_isLoaded) return;
        var state = await _row.Read();
        var callers = MemoryMarshal.Cast<byte, ulong>(state.Callers);
        for (var i = 0; i < Math.Min(callers.Length, state.Days.Length); i++) _known.See(callers[i], Math.Min(state.Days[i], Today));
        _isLoaded = true;
    }

    private async Task Store()
    {
        if (!_isLoaded) return;
        _isChanged |= _known.Forget(Today);
        if (!_isChanged) return;
        try
        {
            await _row.Read();
            var all = _known.All.ToList();
            ulong[] callers = [.. all.Select(one => one.Caller)];
            await _row.Write(new KnownCallersState { Callers = MemoryMarshal.AsBytes<ulong>(callers).ToArray(), Days = [.. all.Select(one => (ushort)one.Day)] });
            _isChanged = false;
        }
        catch (Exception e)
        {
            // Tried again; edges go on with what they know.
            LogFailure(e.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Known callers could not be stored ({Failure}); trying again.")]
    private partial void LogFailure(string failure);
}

[GenerateSerializer, Alias("ivr.state.KnownCallers")]
internal sealed class KnownCallersState
{
    /// <summary>Hashes of 8 bytes, little-endian, one after the other.</summary>
    [Id(0)] public byte[] Callers { get; set; } = [];

    /// <summary>Days since 1970 on which each was seen last.</summary>
    [Id(1)] public ushort[] Days { get; set; } = [];
}
