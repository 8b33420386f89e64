using System.Security.Claims;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Access;

/// <summary>The only way from the dashboard to a grain: every call carries a signed statement of who asks and in which role.</summary>
internal sealed class ClusterAccess(IGrainFactory grains, IRoleTokens tokens)
{
    /// <summary>For reading and writing sign-in state; never for what a signed-in person asks to be done.</summary>
    public ClusterCaller SignIn { get; } = new(grains, tokens, RequestActor.Dashboard, Roles.SignIn);

    /// <summary>For the live figures, which are fetched once and shown to all who may see them.</summary>
    public ClusterCaller Viewer { get; } = new(grains, tokens, RequestActor.Dashboard, Roles.Viewer);

    /// <summary>For callers' own pages, behind which no operator stands.</summary>
    public ClusterCaller Devices { get; } = new(grains, tokens, RequestActor.Dashboard, Roles.Devices);

    /// <summary>For what this person asks to be done, with the role that the session check found for this request.</summary>
    public ClusterCaller For(ClaimsPrincipal person) =>
        new(grains, tokens, person.Identity?.Name ?? "", person.FindFirstValue(ClaimTypes.Role) ?? "");
}

/// <summary>Calls grains under one name and role.</summary>
internal sealed class ClusterCaller(IGrainFactory grains, IRoleTokens tokens, string name, string role) : IGrainCaller
{
    // An async method of its own: what it sets in the request context ends with it.
    public async Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey
    {
        RequestContext.Set(RoleToken.ContextKey, tokens.Issue(name, role));
        return await call(grains.GetGrain<TGrain>(key));
    }
}
