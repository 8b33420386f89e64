using IvrActors.Grains.Edges;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies;

/// <summary>Storage around <see cref="LimitLedger"/>. What a next activation must know of this one is stored before it is granted; the conditional write also stops a second activation.</summary>
internal sealed partial class LimitGrain : Grain, ILimitGrain
{
    private readonly TimeProvider _time;
    private readonly ClusterPolicy _policy;
    private readonly ILogger _logger;
    private readonly StoredRow<LimitState> _row;
    private readonly string _key;
    private readonly long _start;
    private LimitLedger? _ledger;

    public LimitGrain(IGrainContext context, [FromKeyedServices(StoredRow<LimitState>.Storage)] IGrainStorage storage, ClusterPolicy policy, TimeProvider time, ILogger<LimitGrain> logger)
    {
        (_time, _policy, _logger) = (time, policy, logger);
        _row = new StoredRow<LimitState>(storage, "limit", context.GrainId);
        _key = context.GrainId.Key.ToString()!;
        _start = time.GetTimestamp();
    }

    public async Task<LimitGrant> Lease(LimitAsk ask)
    {
        EdgeName.Demand(ask.Edge);
        try
        {
            if (_policy.LimitOf(_key) is not { } rule) return s_unavailable;
            try
            {
                return await Ask(rule, ask);
            }
            catch (InconsistentStateException)
            {
                // Another activation wrote since, which is over by now: what it stored is what counts.
                LogRace(_key);
                _ledger = null;
                return await Ask(rule, ask);
            }
        }
        catch (Exception e)
        {
            // Nothing of it was answered, so nobody has it; the next activation starts from what is stored.
            LogFailure(_key, e.GetType().Name);
            _ledger = null;
            DeactivateOnIdle();
            return s_unavailable;
        }
    }

    private async Task<LimitGrant> Ask(LimitRule rule, LimitAsk ask)
    {
        _ledger ??= await Load(rule);
        var grant = _ledger.Ask(Now, ask);
        if (_ledger.ToStore(Now) is { } bounds) await Store(bounds);
        return grant;
    }

    public async Task EdgeGone(string edge)
    {
        try
        {
            if (_policy.LimitOf(_key) is not { } rule) return;
            _ledger ??= await Load(rule);
            await Store(_ledger.EdgeGone(Now, edge));
        }
        catch (Exception e)
        {
            // They come free when no call can last any longer.
            LogFailure(_key, e.GetType().Name);
            _ledger = null;
            DeactivateOnIdle();
        }
    }

    private static readonly LimitGrant s_unavailable = new() { Epoch = 0, Counted = false, Unavailable = true };

    // A monotonic clock: one that is set back would refuse for as long.
    private long Now => _time.GetElapsedTime(_start).Ticks + TimeSpan.TicksPerDay;

    private async Task<LimitLedger> Load(LimitRule rule)
    {
        var state = await _row.Read();
        var (now, wall) = (Now, _time.GetUtcNow());
        var places = state.Places.GroupBy(place => new PlaceHolder(place.Edge, place.Incarnation)).ToDictionary(one => one.Key, one => (one.First().Ordinary, one.First().Known));
        // Between activations only the wall clock counts: set forward it gives a burst too early, set back it leaves the bucket empty and no emptier.
        return new LimitLedger(now, Random.Shared.NextInt64(1, long.MaxValue), rule, _policy.LongestCall, new LimitBounds(now + (state.FullAt - wall).Ticks, places));
    }

    private async Task Store(LimitBounds bounds)
    {
        await _row.Write(new LimitState
        {
            FullAt = _time.GetUtcNow() + TimeSpan.FromTicks(bounds.FullAt - Now),
            Places = [.. bounds.Places.Select(one => new StoredPlaces { Edge = one.Key.Edge, Incarnation = one.Key.Incarnation, Ordinary = one.Value.Ordinary, Known = one.Value.Known })],
        });
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Another activation wrote the limit {Key} at the same time; deciding again on what it wrote.")]
    private partial void LogRace(string key);

    [LoggerMessage(Level = LogLevel.Error, Message = "The limit {Key} could not be read or stored ({Failure}): edges hear that it is not to be had.")]
    private partial void LogFailure(string key, string failure);
}

[GenerateSerializer, Alias("ivr.state.Limit")]
internal sealed class LimitState
{
    [Id(0)] public DateTimeOffset FullAt { get; set; } = DateTimeOffset.UnixEpoch;
    [Id(1)] public List<StoredPlaces> Places { get; set; } = [];
}

[GenerateSerializer, Alias("ivr.state.LimitPlaces")]
internal sealed class StoredPlaces
{
    [Id(0)] public string Edge { get; set; } = "";
    [Id(1)] public long Incarnation { get; set; }
    [Id(2)] public int Ordinary { get; set; }
    [Id(3)] public int Known { get; set; }
}
