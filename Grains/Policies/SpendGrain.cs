using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies;

/// <summary>Storage around <see cref="Spend"/>. The conditional write decides: when two activations race, the loser decides again on what the winner wrote.</summary>
internal sealed partial class SpendGrain : Grain, ISpendGrain
{
    // Ids are made by call grains: call id and number.
    private const int MostCallCharacters = 100;

    // Two activations are one too many already.
    private const int MostTries = 3;

    private static readonly TimeSpan s_recount = TimeSpan.FromSeconds(15);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoredRow<SpendState> _row;
    private readonly string _tenant;
    private readonly SpendRule? _rule;

    public SpendGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<SpendState>.Storage)] IGrainStorage storage, ClusterPolicy policy, TimeProvider time, ILogger<SpendGrain> logger)
    {
        (_time, _logger) = (time, logger);
        _row = new StoredRow<SpendState>(storage, "spend", context.GrainId);
        _tenant = context.GrainId.Key.ToString()![ISpendGrain.Key("").Length..];
        _rule = policy.Tenants.GetValueOrDefault(_tenant)?.Outbound?.Spend;
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // What was spent grows old without anybody calling.
        this.RegisterGrainTimer(Recount, new GrainTimerCreationOptions { DueTime = s_recount, Period = s_recount });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        OutboundMetrics.Forget(_tenant);
        return Task.CompletedTask;
    }

    public async Task<SpendDecision> Reserve(SpendRequest request)
    {
        if (_rule is not { } rule) return new SpendDecision { Refusal = OutboundRefusal.TenantMayNot };
        if (request.Call.Length > MostCallCharacters || request.Price < 0 || request.RingTime < TimeSpan.Zero) return s_unavailable;
        SpendDecision? decision = null;
        return await Update((now, state) =>
        {
            (decision, var next) = Spend.Reserve(now, rule, state, request);
            return next;
        }) ? decision! : s_unavailable;
    }

    public async Task<long?> Settle(string call, TimeSpan talked)
    {
        long? charged = null;
        var written = await Update((now, state) =>
        {
            (charged, var next) = Spend.Settle(now, state, call, talked);
            return next;
        });
        if (!written) return null;
        if (charged is { } amount) OutboundMetrics.Charged.WithLabels(_tenant).Inc(amount);
        return charged;
    }

    public async Task<SpendSummary> Get() => Spend.Summary(_time.GetUtcNow(), await _row.Read());

    private static readonly SpendDecision s_unavailable = new() { Refusal = OutboundRefusal.Unavailable };

    /// <summary>Reads, changes, writes; again when another activation wrote in between. False when nothing was written that should have been.</summary>
    private async Task<bool> Update(Func<DateTimeOffset, SpendState, SpendState> change)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                var state = await _row.Read();
                var next = change(_time.GetUtcNow(), state);
                if (!ReferenceEquals(next, state)) await _row.Write(next);
                Show(next);
                return true;
            }
            catch (InconsistentStateException) when (tries < MostTries)
            {
                LogRace();
            }
            catch (Exception e)
            {
                LogFailure(e.GetType().Name);
                DeactivateOnIdle();
                if (e is StorageUnavailableException) throw;
                return false;
            }
        }
    }

    private async Task Recount()
    {
        try
        {
            Show(await _row.Read());
        }
        catch (Exception e)
        {
            LogFailure(e.GetType().Name);
        }
    }

    private void Show(SpendState state)
    {
        if (_rule is { } rule) OutboundMetrics.Show(_tenant, rule, Spend.Summary(_time.GetUtcNow(), state));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Another activation wrote what a tenant spends at the same time; deciding again on what it wrote.")]
    private partial void LogRace();

    [LoggerMessage(Level = LogLevel.Error, Message = "What a tenant spends could not be read or written ({Failure}): no call out is made.")]
    private partial void LogFailure(string failure);
}
