using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;

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
}

/// <summary>Decides on an offered call: tenant and trunk, their limits, the called number, its flow. In this order, cheap before dear.</summary>
internal sealed class CallAdmission(ClusterPolicy policy, IClusterKeys keys, IGrainFactory grains, FlowLibrary flows, RiskDesk risk)
{
    public async Task<AdmissionDecision> Decide(CallOffered call)
    {
        if (!policy.Tenants.TryGetValue(call.Tenant, out var tenant)) return new() { Reject = new Reject { Status = 404 }, Reason = "unknown-tenant", Auditable = false };
        var caller = call.Calling is { } number ? CallOrigins.KeyOf(number, tenant.Name, keys.PseudonymKey(tenant.Name)) : (CallerKey?)null;
        var actor = caller?.Value ?? "unknown";

        if (!tenant.Trunks.TryGetValue(call.Trunk, out var trunk)) return Refuse(403, "unknown-trunk", actor);
        var trunkLimit = await grains.Grain<IRateLimitGrain>(IRateLimitGrain.TrunkKey(tenant.Name, trunk.Name)).TryTake(trunk.Calls);
        if (!trunkLimit.Allowed) return Limited(503, "trunk", trunkLimit, actor);
        if (caller is { } key)
        {
            // Per origin class: somebody who dials with a false number must not use up its owner's calls.
            var callerLimit = await grains.Grain<IRateLimitGrain>(IRateLimitGrain.CallerKey(key) + "/" + call.Origin).TryTake(tenant.CallsPerCaller);
            if (!callerLimit.Allowed) return Limited(486, "caller", callerLimit, actor);
        }

        if (!await risk.Admits(tenant.Name, CallOrigins.Of(call, keys.PseudonymKey(tenant.Name)), call.SourceAddress)) return Refuse(403, "risk-blocked", actor);

        if (!tenant.Numbers.TryGetValue(call.Called, out var flow)) return Refuse(404, "unknown-number", actor);
        return await flows.Published(tenant.Name, flow, grains) is { } document
            ? new AdmissionDecision { Flow = document, Actor = actor }
            : Refuse(480, "no-flow", actor);
    }

    private static AdmissionDecision Refuse(int status, string reason, string actor) => new() { Reject = new Reject { Status = status }, Reason = reason, Actor = actor };

    private static AdmissionDecision Limited(int status, string scope, RateDecision decision, string actor)
    {
        var seconds = (int)Math.Clamp(Math.Ceiling(decision.RetryAfter.TotalSeconds), 1, 3600);
        return new AdmissionDecision { Reject = new Reject { Status = status, RetryAfter = seconds }, Reason = scope + "-rate-limit", Actor = actor };
    }
}
