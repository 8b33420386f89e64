using IvrActors.Grains.Interfaces.Operators;
using Orleans.Runtime;

namespace IvrActors.Silo.Security;

/// <summary>
/// Marks the calls that leave a grain, and those of this process to the runtime's own objects, with a value that only silos know. The mark never leaves
/// for a client, and <see cref="AuthorizationFilter"/> takes it off where the call arrives.
/// </summary>
internal sealed class GrainMark(RoleTokens tokens) : IOutgoingGrainCallFilter
{
    public const string ContextKey = "ivr.grain";

    // An async method of its own: what it sets in the request context ends with it.
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        var target = context.TargetId;
        if (!target.IsClient() && (target.IsSystemTarget() || IsGrain(context.SourceId))) RequestContext.Set(ContextKey, tokens.GrainMark);
        await context.Invoke();
    }

    private static bool IsGrain(GrainId? source) => source is { IsDefault: false } id && !id.IsClient();
}
