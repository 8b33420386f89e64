using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Calls;

/// <summary>Permits calls out and settles them: whom the rules allow, what the tenant may spend, and a record of each decision. Numbers stand in records as pseudonyms and in logs not at all.</summary>
internal sealed partial class OutboundDesk(ClusterPolicy policy, IClusterKeys keys, IGrainFactory grains, ILogger log)
{
    /// <summary>What may go by beside ringing and talking: prompts before the call, and the way of the news that it is over.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromMinutes(5);

    /// <param name="seq">Of the event that asks: with the call it names the attempt, so that a repeat is one.</param>
    public Task<CallPermitted> Permit(CallState state, CallId call, int seq, PermitCall ask) =>
        ask.Trunk is { } trunk ? PermitBridge(state, call, seq, ask, trunk) : PermitReferral(state, call, seq, ask);

    /// <summary>
    /// The caller's side makes the call, and what it costs is not ours to know; but a carrier that takes REFER may charge it to the trunk, so a tenant with caps on calls has
    /// them here, too: how fast, and how many at once are being set up.
    /// </summary>
    private async Task<CallPermitted> PermitReferral(CallState state, CallId call, int seq, PermitCall ask)
    {
        var permitted = new Transfer { Target = ask.Target ?? "" };
        if (policy.Tenants.GetValueOrDefault(state.Tenant)?.Outbound is null) return new CallPermitted { Command = permitted };
        var open = new OutboundCall { Id = $"{call.Value}/{seq}", Trunk = state.Trunk, To = PseudonymOf(state.Tenant, ask, null) };
        var (refusal, _) = await Reserve(state, call, open, price: 0, ringTime: TimeSpan.Zero);
        return refusal == OutboundRefusal.None ? Granted(state, open, permitted) : await Refused(state, call, open, refusal);
    }

    private async Task<CallPermitted> PermitBridge(CallState state, CallId call, int seq, PermitCall ask, string trunk)
    {
        var tenant = policy.Tenants.GetValueOrDefault(state.Tenant);
        var way = tenant?.Trunks.GetValueOrDefault(trunk)?.WayOut;
        var target = Resolve(ask, tenant, way);
        var verdict = target.Address is null ? OutboundRules.Decide(tenant?.Outbound, way, target.Number) : OutboundRules.DecideAddress(tenant?.Outbound, way);
        var open = new OutboundCall { Id = $"{call.Value}/{seq}", Trunk = trunk, To = PseudonymOf(state.Tenant, ask, target.Number) };
        var refusal = verdict.Refusal;
        TimeSpan talk = default;
        if (refusal == OutboundRefusal.None) (refusal, talk) = await Reserve(state, call, open, verdict.Price, ask.RingTime);
        if (refusal != OutboundRefusal.None) return await Refused(state, call, open, refusal);
        return Granted(state, open.Lasting(ask.RingTime + talk + s_slack), new Bridge
        {
            Trunk = trunk,
            Number = target.Address is null ? new PhoneNumber(target.Number!) : null,
            Address = target.Address,
            RingTime = ask.RingTime,
            MostTalk = talk,
        });
    }

    /// <summary>As a bridge, of a call of our own to a caller's registered number. The call is null where it must not be made.</summary>
    /// <param name="call">The call to be made.</param>
    /// <param name="longest">From now to the answer, whatever is said, waited for and dialled again.</param>
    public async Task<(OutboundRefusal Refusal, string? Number, OutboundCall? Call, TimeSpan Talk)> PermitCallBack(CallState state, CallId call, PhoneNumber registered, string trunk, TimeSpan longest)
    {
        var tenant = policy.Tenants.GetValueOrDefault(state.Tenant);
        var way = tenant?.Trunks.GetValueOrDefault(trunk)?.WayOut;
        var number = NumberPlan.E164(registered.Reveal(), way?.Region);
        var verdict = OutboundRules.Decide(tenant?.Outbound, way, number);
        var open = new OutboundCall { Id = $"{call.Value}/1", Trunk = trunk, To = number is null ? "unknown" : CallerKey.ForNumber(keys.PseudonymKey(state.Tenant), state.Tenant, number[1..]).Value };
        var refusal = verdict.Refusal;
        TimeSpan talk = default;
        if (refusal == OutboundRefusal.None) (refusal, talk) = await Reserve(state, call, open, verdict.Price, longest);
        if (refusal != OutboundRefusal.None)
        {
            await Refused(state, call, open, refusal);
            return (refusal, null, null, default);
        }
        OutboundMetrics.Permitted.WithLabels(state.Tenant).Inc();
        return (refusal, number, open.Lasting(longest + talk + s_slack), talk);
    }

    private static CallPermitted Granted(CallState state, OutboundCall open, CallCommand command)
    {
        OutboundMetrics.Permitted.WithLabels(state.Tenant).Inc();
        return new CallPermitted { Command = command, Call = open };
    }

    /// <summary>The call out is over. What fails for good is not thrown: the caller's call does not depend on it, and what is not settled counts in full. What passes is, for the event comes again.</summary>
    /// <param name="result">Null when it is not known: then it is not settled here, and counts in full.</param>
    public async Task Over(CallState state, CallId call, OutboundCall open, BridgeResult? result)
    {
        try
        {
            var charged = result is null ? null : await Spending(state.Tenant).Settle(open.Id, result.Talked);
            // Settled before (the event comes again), or not to be written: what it cost stands elsewhere.
            var cost = result is null ? "in full" : charged?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "not known";
            var answered = result is { Outcome: BridgeOutcome.Answered };
            await Append(state, call, "outbound.ended", answered ? AuditResult.Success : AuditResult.Failure,
                $"{(result is null ? "unknown" : BridgeOutcomes.NameOf(result.Outcome))} status={result?.Status ?? 0} seconds={(long)(result?.Talked.TotalSeconds ?? 0)} charged={cost} trunk={open.Trunk} to={open.To}");
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            LogFailed("the end of a call out", e.GetType().Name);
        }
    }

    /// <summary>Money first, then the record: what cannot be recorded is not done, and what was set aside for it is free again.</summary>
    private async Task<(OutboundRefusal Refusal, TimeSpan Talk)> Reserve(CallState state, CallId call, OutboundCall open, int price, TimeSpan ringTime)
    {
        try
        {
            var decision = await Spending(state.Tenant).Reserve(new SpendRequest { Call = open.Id, Price = price, RingTime = ringTime });
            if (decision.Refusal != OutboundRefusal.None) return (decision.Refusal, default);
            try
            {
                await Append(state, call, "outbound.permitted", AuditResult.Success, $"seconds={(long)decision.MostTalk.TotalSeconds} price={price} trunk={open.Trunk} to={open.To}");
                return (OutboundRefusal.None, decision.MostTalk);
            }
            catch (Exception e) when (!SiloLoss.Is(e))
            {
                LogFailed("the record of a call out", e.GetType().Name);
                await Spending(state.Tenant).Settle(open.Id, TimeSpan.Zero);
            }
        }
        catch (Exception e) when (!SiloLoss.Is(e))
        {
            LogFailed("setting money aside", e.GetType().Name);
        }
        return (OutboundRefusal.Unavailable, default);
    }

    private async Task<CallPermitted> Refused(CallState state, CallId call, OutboundCall open, OutboundRefusal refusal)
    {
        OutboundMetrics.Refused(state.Tenant, refusal);
        LogRefused(OutboundRefusals.NameOf(refusal), state.Tenant, open.Trunk, call.Value, state.OriginText);
        try
        {
            await Append(state, call, "outbound.refused", AuditResult.Denied, $"{OutboundRefusals.NameOf(refusal)} trunk={open.Trunk} to={open.To}");
        }
        catch (Exception e)
        {
            // It is refused whether or not that can be recorded.
            LogFailed("the record of a refused call out", e.GetType().Name);
        }
        return new CallPermitted { Command = null };
    }

    private static (string? Number, string? Address) Resolve(PermitCall ask, TenantPolicy? tenant, WayOut? way)
    {
        if (ask.Target is not { } name) return (ask.Digits is { } digits ? NumberPlan.E164(digits.Reveal(), way?.Region) : null, null);
        if (tenant?.TransferTargets.GetValueOrDefault(name) is not { } target) return (null, null);
        return TransferPlan.IsNumber(target) ? (target, null) : (null, target);
    }

    /// <summary>The same pseudonym as that of a caller with this number; the name of a target that is no number.</summary>
    private string PseudonymOf(string tenant, PermitCall ask, string? number) =>
        number is not null ? CallerKey.ForNumber(keys.PseudonymKey(tenant), tenant, number[1..]).Value : ask.Target is { } name ? "target:" + name : "unknown";

    private ISpendGrain Spending(string tenant) => grains.Grain<ISpendGrain>(ISpendGrain.Key(tenant));

    private Task Append(CallState state, CallId call, string action, AuditResult result, string detail) => grains.Grain<IAuditGrain>(IAuditGrain.Key(state.Tenant)).Append(new AuditEntry
    {
        Actor = state.Actor,
        Action = action,
        Result = result,
        Origin = state.OriginText,
        Object = call.Value,
        Detail = detail,
    });

    // One line for fail2ban-like tools and alarms.
    [LoggerMessage(LogLevel.Warning, "outbound call refused: reason={Reason} tenant={Tenant} trunk={Trunk} call={Call} origin={Origin}")]
    private partial void LogRefused(string reason, string tenant, string trunk, string call, string origin);

    [LoggerMessage(LogLevel.Error, "A call out could not be dealt with: {What} failed with {Error}")]
    private partial void LogFailed(string what, string error);
}
