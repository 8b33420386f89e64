using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Calls;

/// <summary>Whether a call is taken, and by which flow.</summary>
internal sealed class AdmissionDecision
{
    /// <summary>Null when the call is refused.</summary>
    public FlowDocument? Flow { get; init; }
    public Reject? Reject { get; init; }

    /// <summary>From a closed vocabulary.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Pseudonym of the calling number, or <c>unknown</c>.</summary>
    public string Actor { get; init; } = "unknown";

    /// <summary>Whether the tenant exists, so that it has a ledger.</summary>
    public bool Auditable { get; init; } = true;

    /// <summary>Limits in which the call has a place until it is over.</summary>
    public IReadOnlyList<string> Places { get; init; } = [];
}

/// <summary>
/// Decides on an offered call: tenant and trunk, the limit of the caller, the called number and its limit, its flow. In this order, cheap before dear. Limits of trunk, tenant and cluster were
/// counted where the call came in.
/// </summary>
internal sealed class CallAdmission(ClusterPolicy policy, IClusterKeys keys, IGrainFactory grains, FlowLibrary flows, RiskDesk risk, ILogger log)
{
    public async Task<AdmissionDecision> Decide(CallId id, CallOffered call)
    {
        if (!policy.Tenants.TryGetValue(call.Tenant, out var tenant)) return new() { Reject = new Reject { Status = 404 }, Reason = "unknown-tenant", Auditable = false };
        var caller = call.Calling is { } number ? CallOrigins.KeyOf(number, tenant.Name, keys.PseudonymKey(tenant.Name)) : (CallerKey?)null;
        var actor = caller?.Value ?? "unknown";
        if (!tenant.Trunks.ContainsKey(call.Trunk)) return Refuse(403, "unknown-trunk", actor);
        var limits = new CallLimits(grains, policy.LongestCall, log);
        var decision = await Decide(id, call, tenant, caller, actor, limits);
        if (decision.Flow is null) await CallLimits.Ended(grains, log, limits.Places, id);
        return decision;
    }

    private async Task<AdmissionDecision> Decide(CallId id, CallOffered call, TenantPolicy tenant, CallerKey? caller, string actor, CallLimits limits)
    {
        // The narrowest first: a caller who calls in a loop uses up nothing of what others share.
        if (caller is { } key && await limits.Take(CallLimits.Caller, IRateLimitGrain.CallerKey(key, call.Origin), tenant.Caller, id, isKnown: true) is { } refusal) return Limited(refusal.IsUnavailable ? 503 : 486, refusal, actor);
        if (!await risk.Admits(tenant.Name, CallOrigins.Of(call, keys.PseudonymKey(tenant.Name)), call.SourceAddress)) return Refuse(403, "risk-blocked", actor);
        if (!tenant.Numbers.TryGetValue(call.Called, out var flow)) return Refuse(404, "unknown-number", actor);
        if (await limits.Take(CallLimits.Destination, IRateLimitGrain.DestinationKey(tenant.Name, call.Called), tenant.Destination, id, call.Known) is { } full) return Limited(503, full, actor);
        return await flows.Published(tenant.Name, flow, grains) is { } document
            ? new AdmissionDecision { Flow = document, Actor = actor, Places = limits.Places }
            : Refuse(480, "no-flow", actor);
    }

    private static AdmissionDecision Refuse(int status, string reason, string actor) => new() { Reject = new Reject { Status = status }, Reason = reason, Actor = actor };

    private static AdmissionDecision Limited(int status, LimitRefusal refusal, string actor)
    {
        var seconds = (int)Math.Clamp(Math.Ceiling(refusal.RetryAfter.TotalSeconds), 1, 3600);
        return new AdmissionDecision { Reject = new Reject { Status = status, RetryAfter = seconds }, Reason = refusal.Reason, Actor = actor };
    }
}
