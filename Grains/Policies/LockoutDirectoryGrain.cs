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

    // Under a spray dozens of locks come each second, and the row is written whole: what comes within a second is written at once.
    private static readonly TimeSpan s_writeEvery = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly StoredRow<LockoutDirectoryState> _row;
    private readonly string _tenant;
    private Dictionary<string, LockoutSummary>? _locks;
    private bool _isChanged;

    public LockoutDirectoryGrain(IGrainContext context, [FromKeyedServices(StoredRow<LockoutDirectoryState>.Storage)] IGrainStorage storage, TimeProvider time)
    {
        _time = time;
        _row = new StoredRow<LockoutDirectoryState>(storage, "lockouts", context.GrainId);
        _tenant = context.GrainId.Key.ToString()![ILockoutDirectoryGrain.Key("").Length..];
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // Locks end by themselves, so the count sinks without anybody calling.
        this.RegisterGrainTimer(Write, new GrainTimerCreationOptions { DueTime = s_writeEvery, Period = s_writeEvery });
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        PolicyMetrics.LockoutsActive.RemoveLabelled(_tenant);
        await Write();
    }

    public async Task<List<LockoutSummary>> List() => Current(await Locks());

    public async Task Report(LockoutSummary summary)
    {
        (await Locks())[summary.LockoutKey] = summary;
        _isChanged = true;
        // What comes between two writes is bounded, too.
        if (_locks!.Count > 2 * MostListed) Prune();
    }

    public async Task Forget(string lockoutKey) => _isChanged |= (await Locks()).Remove(lockoutKey);

    private async Task<Dictionary<string, LockoutSummary>> Locks() => _locks ??= (await _row.Read()).Locks.ToDictionary(l => l.LockoutKey, StringComparer.Ordinal);

    private List<LockoutSummary> Current(Dictionary<string, LockoutSummary> locks)
    {
        var now = _time.GetUtcNow();
        return [.. locks.Values.Where(l => l.Until > now).OrderByDescending(l => l.Until).Take(MostListed)];
    }

    private List<LockoutSummary> Prune()
    {
        var current = Current(_locks!);
        if (current.Count < _locks!.Count) _locks = current.ToDictionary(l => l.LockoutKey, StringComparer.Ordinal);
        PolicyMetrics.LockoutsActive.WithLabels(_tenant).Set(current.Count);
        return current;
    }

    private async Task Write()
    {
        try
        {
            await Locks();
            var current = Prune();
            if (!_isChanged) return;
            _isChanged = false;
            await _row.Read();
            await _row.Write(new LockoutDirectoryState { Locks = current });
        }
        catch (Exception)
        {
            // It only shows; a lock that is missing here is reported again at its next attempt. Storage has logged why.
            _isChanged = true;
        }
    }
}

[GenerateSerializer, Alias("ivr.state.LockoutDirectory")]
internal sealed class LockoutDirectoryState
{
    [Id(0)] public List<LockoutSummary> Locks { get; set; } = [];
}
