using System.Collections.Concurrent;
using System.Reflection;
using IvrActors.Grains.Interfaces.Operators;
using Prometheus;

namespace IvrActors.Silo.Security;

/// <summary>
/// Deny by default at the grain boundary: a call that does not come from a grain needs a role token whose role has the permission that
/// the interface method declares; a method that declares none is for grains only. That a call comes from a grain is shown by its
/// <see cref="GrainMark"/>: the sender's name in a message is what the client wrote there.
/// </summary>
internal sealed partial class AuthorizationFilter(RoleTokens tokens, ILogger<AuthorizationFilter> logger) : IIncomingGrainCallFilter
{
    // Of the runtime's own interfaces those that come without a mark and give nothing away: the list of grain types, for which a client asks when it
    // connects, and a grain's timer, which the grain's scheduler calls and no message from outside can name.
    private static readonly HashSet<string> s_open = ["IClusterManifestSystemTarget", "IGrainTimerInvoker"];

    private static readonly Counter s_denied = Metrics.CreateCounter("ivr_grain_calls_denied_total", "Grain calls refused for lack of a valid token or permission.", "method");

    private readonly ConcurrentDictionary<MethodInfo, Permission> _permissions = new();

    public Task Invoke(IIncomingGrainCallContext context)
    {
        var mark = RequestContext.Get(GrainMark.ContextKey) as string;
        if (mark is not null) RequestContext.Remove(GrainMark.ContextKey);
        if (tokens.IsGrainMark(mark) || IsOpen(context)) return context.Invoke();
        var text = RequestContext.Get(RoleToken.ContextKey) as string;
        RequestContext.Remove(RequestActor.ContextKey);
        // The token goes no further: a grain that calls down to an edge must not hand it an operator's rights.
        RequestContext.Remove(RoleToken.ContextKey);
        var token = text is null ? null : tokens.Verify(text);
        if (token is null || !IsAllowed(token, context.InterfaceMethod)) return Deny(context.InterfaceMethod, token);
        RequestContext.Set(RequestActor.ContextKey, token.Name);
        return context.Invoke();
    }

    // Observers live in clients, which get no mark: there is nothing of ours to protect in them.
    private static bool IsOpen(IIncomingGrainCallContext context) =>
        context.TargetId.IsClient() || (context.InterfaceMethod.DeclaringType is { Namespace: "Orleans.Runtime" or "Orleans" } type && s_open.Contains(type.Name));

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
