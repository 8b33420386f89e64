using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies;

/// <summary>The locks of one tenant for operators to see. What decides is each lockout grain's own state.</summary>
internal sealed class LockoutDirectoryGrain : Grain, ILockoutDirectoryGrain
{
    // A spray over many accounts must not make the row (written whole) grow without end; the locks that last longest stay.
    private const int MostListed = 2000;
    private static readonly TimeSpan s_recount = TimeSpan.FromSeconds(15);

    private readonly TimeProvider _time;
    private readonly StoredRow<LockoutDirectoryState> _row;
    private readonly string _tenant;

    public LockoutDirectoryGrain(IGrainContext context, [FromKeyedServices(StoredRow<LockoutDirectoryState>.Storage)] IGrainStorage storage, TimeProvider time)
    {
        _time = time;
        _row = new StoredRow<LockoutDirectoryState>(storage, "lockouts", context.GrainId);
        _tenant = context.GrainId.Key.ToString()![ILockoutDirectoryGrain.Key("").Length..];
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // Locks end by themselves, so the count sinks without anybody calling.
        this.RegisterGrainTimer(Current, new GrainTimerCreationOptions { DueTime = s_recount, Period = s_recount });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        PolicyMetrics.LockoutsActive.RemoveLabelled(_tenant);
        return Task.CompletedTask;
    }

    public async Task<List<LockoutSummary>> List() => await Current();

    public async Task Report(LockoutSummary summary)
    {
        var locks = (await Current()).Where(l => !IsOf(l, summary.LockoutKey)).Append(summary).OrderByDescending(l => l.Until).Take(MostListed).ToList();
        await Write(locks);
    }

    public async Task Forget(string lockoutKey)
    {
        var locks = await Current();
        if (locks.RemoveAll(l => IsOf(l, lockoutKey)) > 0) await Write(locks);
    }

    private static bool IsOf(LockoutSummary summary, string key) => string.Equals(summary.LockoutKey, key, StringComparison.Ordinal);

    private async Task<List<LockoutSummary>> Current()
    {
        var now = _time.GetUtcNow();
        var locks = (await _row.Read()).Locks.Where(l => l.Until > now).ToList();
        Count(locks);
        return locks;
    }

    private async Task Write(List<LockoutSummary> locks)
    {
        await _row.Write(new LockoutDirectoryState { Locks = locks });
        Count(locks);
    }

    private void Count(List<LockoutSummary> locks) => PolicyMetrics.LockoutsActive.WithLabels(_tenant).Set(locks.Count);
}

[GenerateSerializer, Alias("ivr.state.LockoutDirectory")]
internal sealed class LockoutDirectoryState
{
    [Id(0)] public List<LockoutSummary> Locks { get; set; } = [];
}
