using System.Collections.Concurrent;
using System.Reflection;
using IvrActors.Grains.Interfaces.Operators;
using Prometheus;

namespace IvrActors.Silo.Security;

/// <summary>
/// Deny by default at the grain boundary: a call that does not come from a grain needs a role token whose role has the permission that
/// the interface method declares; a method that declares none is for grains only.
/// </summary>
internal sealed partial class AuthorizationFilter(RoleTokens tokens, ILogger<AuthorizationFilter> logger) : IIncomingGrainCallFilter
{
    /// <summary>Request context key: the verified name of who asked, for audit. Never what a client said.</summary>
    public const string ActorKey = "ivr.actor";

    private static readonly Counter s_denied = Metrics.CreateCounter("ivr_grain_calls_denied_total", "Grain calls refused for lack of a valid token or permission.", "method");

    private readonly ConcurrentDictionary<MethodInfo, Permission> _permissions = new();

    public Task Invoke(IIncomingGrainCallContext context)
    {
        // Grains speak to grains, and the runtime to itself, within the trust boundary that the silo port's network is.
        if (IsInside(context.SourceId) || context.TargetId.IsSystemTarget()) return context.Invoke();
        var text = RequestContext.Get(RoleToken.ContextKey) as string;
        RequestContext.Remove(ActorKey);
        // The token goes no further: a grain that calls down to an edge must not hand it an operator's rights.
        RequestContext.Remove(RoleToken.ContextKey);
        var token = text is null ? null : tokens.Verify(text);
        if (token is null || !IsAllowed(token, context.InterfaceMethod)) return Deny(context.InterfaceMethod, token);
        RequestContext.Set(ActorKey, token.Name);
        return context.Invoke();
    }

    private static bool IsInside(GrainId? source) => source is { IsDefault: false } id && !id.IsClient();

    private bool IsAllowed(RoleToken token, MethodInfo method)
    {
        if (token.Role == RoleTokens.SystemRole) return true;
        var permission = _permissions.GetOrAdd(method, static m => m.GetCustomAttribute<RequiresAttribute>()?.Permission ?? Permission.None);
        return permission != Permission.None && Roles.Allows(token.Role, permission);
    }

    private Task Deny(MethodInfo method, RoleToken? token)
    {
        var name = $"{method.DeclaringType?.Name}.{method.Name}";
        s_denied.WithLabels(name).Inc();
        LogDenied(name, token?.Role ?? "none");
        return Task.FromException(new UnauthorizedAccessException("This call is not allowed."));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A call of {Method} was refused; role: {Role}")]
    private partial void LogDenied(string method, string role);
}
