using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// Gathers signs, raises alarms and keeps blocks. Signs are in memory, because an attack must not write for each attempt; an alarm and a block are in the ledger first, and
/// blocks are stored. Where storage or ledger fail nobody is blocked, and calls go on.
/// </summary>
internal sealed partial class RiskTenantGrain : Grain, IRiskTenantGrain
{
    private const int MostReason = 200;

    private static readonly TimeSpan s_storePeriod = TimeSpan.FromSeconds(1);

    private readonly ClusterPolicy _policy;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly StoredRow<RiskTenantState> _row;
    private readonly string _tenant;
    private readonly long _start;
    private readonly long _epoch = Random.Shared.NextInt64(1, long.MaxValue);
    private readonly RiskLedger _ledger;
    private readonly FailureWatch _all = new();
    private readonly Dictionary<string, FailureWatch> _trunks = new(StringComparer.Ordinal);
    private readonly Dictionary<RiskReason, TimeSpan> _alarms = [];
    private readonly Dictionary<string, TimeSpan> _lifted = new(StringComparer.Ordinal);
    private bool _loaded;
    private bool _changed;

    public RiskTenantGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<RiskTenantState>.Storage)] IGrainStorage storage, ClusterPolicy policy, TimeProvider time, ILogger<RiskTenantGrain> log)
    {
        (_policy, _time, _log) = (policy, time, log);
        _tenant = context.GrainId.Key.ToString()![IRiskTenantGrain.Key("").Length..];
        _row = new StoredRow<RiskTenantState>(storage, "risk", context.GrainId);
        _ledger = new RiskLedger(policy.Risk);
        _start = time.GetTimestamp();
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(Store, new GrainTimerCreationOptions { DueTime = s_storePeriod, Period = s_storePeriod });
        return Task.CompletedTask;
    }

    public async Task<RiskNews> Sync(RiskTally tally)
    {
        await Load();
        var (succeeded, failed) = (0, 0);
        foreach (var trunk in tally.Trunks.Where(IsOurs))
        {
            Watch(trunk.Trunk).Add(Uptime, trunk.Succeeded, trunk.Failed);
            (succeeded, failed) = (succeeded + trunk.Succeeded, failed + trunk.Failed);
        }
        _all.Add(Uptime, succeeded, failed);
        await FindWave(_all, RiskSubjects.Tenant);
        foreach (var (trunk, watch) in _trunks) await FindWave(watch, RiskSubjects.Trunk(trunk));
        Show();
        var (signs, version) = _ledger.Since(_time.GetUtcNow(), tally.Epoch == _epoch ? tally.Version : 0);
        var expected = _all.Expected(Uptime);
        return new RiskNews { Epoch = _epoch, Version = version, Signs = signs, ExpectedShort = expected.Short, ExpectedDay = expected.Day };
    }

    public async Task Raise(List<RiskSign> signs)
    {
        await Load();
        foreach (var sign in signs) await Take(sign);
    }

    public async Task<List<RiskSign>> List()
    {
        await Load();
        return [.. _ledger.Current(_time.GetUtcNow()).Where(sign => !RiskSubjects.IsPin(sign.Subject))];
    }

    public async Task<bool> Lift(string subject, string reason)
    {
        await Load();
        if (!_ledger.Current(_time.GetUtcNow()).Exists(sign => sign.Subject == subject)) return false;
        // Recorded first: what cannot be recorded does not happen.
        await Append("operator.risk-lift", subject, reason.Length <= MostReason ? reason : reason[..MostReason], RequestActor.Current);
        _ledger.Lift(_time.GetUtcNow(), subject);
        foreach (var (old, at) in _lifted)
        {
            if (Uptime - at > OriginWatch.Window) _lifted.Remove(old);
        }
        _lifted[subject] = Uptime;
        _changed = true;
        await Store();
        return true;
    }

    private TimeSpan Uptime => _time.GetElapsedTime(_start);

    private bool IsOurs(RiskTrunkTally tally) => _policy.Tenants.GetValueOrDefault(_tenant)?.Trunks.ContainsKey(tally.Trunk) is true && tally is { Succeeded: >= 0, Failed: >= 0 };

    private FailureWatch Watch(string trunk) => _trunks.TryGetValue(trunk, out var watch) ? watch : _trunks[trunk] = new FailureWatch();

    private async Task FindWave(FailureWatch watch, string subject)
    {
        if (watch.Wave(Uptime) is > 0 and var failures) await Take(new RiskSign { Subject = subject, Reason = RiskReason.FailureWave, At = _time.GetUtcNow(), Count = failures });
    }

    private async Task Take(RiskSign sign)
    {
        var now = _time.GetUtcNow();
        var until = sign.BlockedUntil is not null && _policy.Risk.Block is { } time ? now + time : (DateTimeOffset?)null;
        var begins = until is not null && !_ledger.IsBlocked(sign.Subject, now) && !WasLifted(sign.Subject);
        await Alarm(sign);
        if (begins) begins = await Block(sign);
        if (begins) _changed = true;
        _ledger.Put(now, new RiskSign { Subject = sign.Subject, Reason = sign.Reason, At = now, Count = sign.Count, BlockedUntil = begins ? until : null });
    }

    /// <summary>Shards still count for a while what an operator forgave.</summary>
    private bool WasLifted(string subject) => _lifted.TryGetValue(subject, out var at) && Uptime - at <= OriginWatch.Window;

    private async Task<bool> Block(RiskSign sign)
    {
        try
        {
            await Append("risk.block", sign.Subject, $"{RiskMetrics.NameOf(sign.Reason)} count={sign.Count}", RequestActor.System);
            RiskMetrics.Actions.WithLabels("block").Inc();
            return true;
        }
        catch (Exception e)
        {
            LogUnrecorded("block", e.GetType().Name);
            return false;
        }
    }

    /// <summary>Once for each reason and window: an attack has many signs, and a person who is called needs one.</summary>
    private async Task Alarm(RiskSign sign)
    {
        if (!_policy.Risk.Alarm || !IsAlarming(sign.Reason) || (_alarms.TryGetValue(sign.Reason, out var last) && Uptime - last < PinSpray.Short)) return;
        _alarms[sign.Reason] = Uptime;
        var reason = RiskMetrics.NameOf(sign.Reason);
        // The tag of a PIN is nobody's business: that one is sprayed says enough.
        var subject = RiskSubjects.IsPin(sign.Subject) ? "pin" : sign.Subject;
        RiskMetrics.Alarms.WithLabels(reason).Inc();
        LogAlarm(_tenant, reason, subject, sign.Count);
        try
        {
            await Append("risk.alarm", subject, $"{reason} count={sign.Count}", RequestActor.System);
        }
        catch (Exception e)
        {
            // With the next sign it is tried again.
            _alarms.Remove(sign.Reason);
            LogUnrecorded("alarm", e.GetType().Name);
        }
    }

    /// <summary>The others happen to honest callers.</summary>
    private static bool IsAlarming(RiskReason reason) => reason is RiskReason.SprayedPin or RiskReason.ManyAccounts or RiskReason.FailureWave or RiskReason.ImpossibleTravel;

    private Task Append(string action, string subject, string detail, string actor) =>
        GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(_tenant)).Append(new AuditEntry { Actor = actor, Action = action, Result = AuditResult.Success, Object = subject, Detail = detail });

    private async Task Load()
    {
        if (_loaded) return;
        try
        {
            foreach (var block in (await _row.Read()).Blocks.Where(block => RiskSubjects.MayBeBlocked(block.Subject))) _ledger.Put(_time.GetUtcNow(), block);
            _loaded = true;
        }
        catch (Exception e)
        {
            LogStorage(e.GetType().Name);
        }
    }

    private async Task Store()
    {
        if (!_changed) return;
        try
        {
            await _row.Read();
            await _row.Write(new RiskTenantState { Blocks = _ledger.Blocks(_time.GetUtcNow()) });
            _changed = false;
        }
        catch (Exception e)
        {
            LogStorage(e.GetType().Name);
        }
    }

    private void Show()
    {
        var current = _ledger.Current(_time.GetUtcNow());
        foreach (var reason in Enum.GetValues<RiskReason>()) RiskMetrics.Signs.WithLabels(_tenant, RiskMetrics.NameOf(reason)).Set(current.Count(sign => sign.Reason == reason));
        RiskMetrics.Blocked.WithLabels(_tenant).Set(current.Count(sign => sign.BlockedUntil > _time.GetUtcNow()));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "risk-alarm tenant={Tenant} reason={Reason} subject={Subject} count={Count}")]
    private partial void LogAlarm(string tenant, string reason, string subject, int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "A {What} could not be recorded ({Failure}).")]
    private partial void LogUnrecorded(string what, string failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "Blocked origins could not be read or written ({Failure}): they are kept in memory.")]
    private partial void LogStorage(string failure);
}

/// <summary>The origins that are kept out.</summary>
[GenerateSerializer, Alias("ivr.state.RiskTenant")]
internal sealed class RiskTenantState
{
    [Id(0)] public List<RiskSign> Blocks { get; set; } = [];
}
