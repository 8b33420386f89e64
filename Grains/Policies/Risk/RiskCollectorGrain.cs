using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// One on each silo: puts the notes of a second together, sends each shard its part, and keeps <see cref="RiskPicture"/> up. Reentrant: notes are taken while the news are awaited.
/// </summary>
[StatelessWorker(1), Reentrant]
internal sealed partial class RiskCollectorGrain(RiskPicture picture, ClusterPolicy policy, TimeProvider time, ILogger<RiskCollectorGrain> log) : Grain, IRiskCollectorGrain
{
    internal static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>Longer than a sign needs to fade: who nobody calls need not hear of it.</summary>
    private static readonly TimeSpan s_interest = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, Work> _tenants = new(StringComparer.Ordinal);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(Flush, new GrainTimerCreationOptions { DueTime = Period, Period = Period, Interleave = true });
        return Task.CompletedTask;
    }

    public Task Note(RiskNote note)
    {
        if (!policy.Tenants.ContainsKey(note.Tenant)) return Task.CompletedTask;
        var work = WorkOf(note.Tenant);
        work.NotedAt = time.GetTimestamp();
        if (!work.Batch.Add(note)) RiskMetrics.Dropped.Inc();
        return Task.CompletedTask;
    }

    public Task Renew(string tenant)
    {
        if (!policy.Tenants.ContainsKey(tenant)) return Task.CompletedTask;
        var work = WorkOf(tenant);
        // Whoever asks while it is under way hears the same.
        return work.Renewal is { IsCompleted: false } running ? running : work.Renewal = Sync(tenant, []);
    }

    private async Task Flush()
    {
        foreach (var (tenant, work) in _tenants.ToList())
        {
            if (time.GetElapsedTime(work.NotedAt) > s_interest)
            {
                _tenants.Remove(tenant);
                continue;
            }
            var batch = work.Batch;
            work.Batch = new RiskBatch();
            var expected = picture.Of(tenant).Expected;
            foreach (var (shard, failures) in batch.Pins)
                _ = GrainFactory.Grain<IRiskPinGrain>(IRiskPinGrain.Key(tenant, shard)).Report(new RiskPinReport { Failures = failures, ExpectedShort = expected.Short, ExpectedDay = expected.Day });
            foreach (var (shard, acts) in batch.Origins) _ = GrainFactory.Grain<IRiskOriginGrain>(IRiskOriginGrain.Key(tenant, shard)).Report(acts);
            foreach (var (shard, visits) in batch.Visits) _ = GrainFactory.Grain<IRiskAccountGrain>(IRiskAccountGrain.Key(tenant, shard)).Verified(visits);
            await Sync(tenant, batch.Trunks);
        }
    }

    private async Task Sync(string tenant, List<RiskTrunkTally> trunks)
    {
        var view = picture.Of(tenant);
        try
        {
            var news = await GrainFactory.Grain<IRiskTenantGrain>(IRiskTenantGrain.Key(tenant)).Sync(new RiskTally { Trunks = trunks, Epoch = view.Epoch, Version = view.Version });
            view.Take(time.GetElapsedTime(0), time.GetUtcNow(), policy.Risk, news);
        }
        catch (Exception e)
        {
            // What is known already goes on to count.
            LogFailure(e.GetType().Name);
        }
    }

    private Work WorkOf(string tenant) => _tenants.TryGetValue(tenant, out var work) ? work : _tenants[tenant] = new Work { NotedAt = time.GetTimestamp() };

    private sealed class Work
    {
        public RiskBatch Batch { get; set; } = new();
        public long NotedAt { get; set; }
        public Task? Renewal { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The signs of fraud could not be renewed ({Failure}): those that are known go on to count.")]
    private partial void LogFailure(string failure);
}
