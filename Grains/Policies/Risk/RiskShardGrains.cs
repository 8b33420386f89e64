using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>A shard in memory: what it knew is counted anew after a restart, which an attack makes up for in seconds.</summary>
internal abstract class RiskShardGrain(TimeProvider time) : Grain
{
    private readonly long _start = time.GetTimestamp();
    private readonly RaisedSigns _raised = new();

    /// <summary>By a monotonic clock: one that is set back would make windows longer.</summary>
    protected TimeSpan Uptime => time.GetElapsedTime(_start);

    protected DateTimeOffset Now => time.GetUtcNow();

    /// <summary>The tenant in <c>risk-….:TENANT/NN</c>; names of tenants have neither colon nor slash.</summary>
    protected string Tenant => this.GetPrimaryKeyString().Split(':', '/')[1];

    protected RiskSign? Due(string subject, RiskReason reason, int count, bool isWorse = false, bool blocks = false) =>
        _raised.IsDue(Uptime, $"{reason}{(isWorse ? "!" : "")} {subject}")
            ? new RiskSign { Subject = subject, Reason = reason, At = Now, Count = count, BlockedUntil = blocks ? DateTimeOffset.MaxValue : null }
            : null;

    protected Task Raise(List<RiskSign> signs) => signs.Count == 0 ? Task.CompletedTask : GrainFactory.Grain<IRiskTenantGrain>(IRiskTenantGrain.Key(Tenant)).Raise(signs);
}

/// <summary>Holds a shard of <see cref="PinSpray"/>.</summary>
internal sealed class RiskPinGrain(TimeProvider time) : RiskShardGrain(time), IRiskPinGrain
{
    private readonly PinSpray _spray = new();

    public Task Report(RiskPinReport report)
    {
        var expected = new ExpectedFailures(report.ExpectedShort, report.ExpectedDay);
        List<RiskSign> signs = [];
        foreach (var failure in report.Failures)
        {
            var accounts = _spray.Fail(Uptime, failure.Pin, failure.Account, expected);
            if (accounts > 0 && Due(RiskSubjects.Pin(failure.Pin), RiskReason.SprayedPin, accounts) is { } sign) signs.Add(sign);
        }
        return Raise(signs);
    }
}

/// <summary>Holds a shard of <see cref="OriginWatch"/>.</summary>
internal sealed class RiskOriginGrain(TimeProvider time, ClusterPolicy policy) : RiskShardGrain(time), IRiskOriginGrain
{
    private readonly OriginWatch _watch = new(policy.Risk);

    public Task Report(List<RiskOriginAct> acts)
    {
        List<RiskSign> signs = [];
        foreach (var act in acts)
        {
            var kind = act.Kind switch { RiskNoteKind.Called => OriginAct.Calls, RiskNoteKind.Succeeded => OriginAct.Succeeds, _ => OriginAct.Fails };
            var finding = _watch.Note(Uptime, act.Origin, kind, act.Account);
            // Only what fails blocks: who merely calls, after an operator lifted the block, did nothing.
            var isHopeless = finding.IsHopeless && kind is OriginAct.Fails;
            var blocks = isHopeless && RiskSubjects.MayBeBlocked(act.Origin);
            if (finding.Accounts > 0 && Due(act.Origin, RiskReason.ManyAccounts, finding.Accounts, isHopeless, blocks) is { } many) signs.Add(many);
            if (finding.Calls > 0 && Due(act.Origin, RiskReason.Velocity, finding.Calls) is { } often) signs.Add(often);
        }
        return Raise(signs);
    }
}

/// <summary>Holds a shard of <see cref="AccountPlaces"/>.</summary>
internal sealed class RiskAccountGrain(TimeProvider time, ClusterPolicy policy) : RiskShardGrain(time), IRiskAccountGrain
{
    private readonly AccountPlaces _places = new();

    public Task<RiskVisitSigns> Look(RiskVisit visit)
    {
        var (isNew, isImpossible) = _places.Look(Uptime, visit.Account, visit.Number, PlaceOf(visit.Trunk));
        return Task.FromResult(new RiskVisitSigns { NewOrigin = isNew, ImpossibleTravel = isImpossible });
    }

    public Task Verified(List<RiskVisit> visits)
    {
        foreach (var visit in visits) _places.Verified(Uptime, visit.Account, visit.Number, PlaceOf(visit.Trunk));
        return Task.CompletedTask;
    }

    private GeoPoint? PlaceOf(string trunk) => policy.Tenants.GetValueOrDefault(Tenant)?.Trunks.GetValueOrDefault(trunk)?.Location;
}

/// <summary>Holds a shard of <see cref="SuspectCalls"/>.</summary>
internal sealed class RiskCallGrain(TimeProvider time) : RiskShardGrain(time), IRiskCallGrain
{
    private readonly SuspectCalls _calls = new();

    public Task Suspect(List<CallId> calls)
    {
        foreach (var call in calls) _calls.Add(Uptime, call);
        return Task.CompletedTask;
    }

    public Task<bool> IsSuspect(CallId call) => Task.FromResult(_calls.Has(Uptime, call));
}
