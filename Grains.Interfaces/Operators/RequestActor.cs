namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>
/// Who makes the request, for audit records. The incoming call filter sets it from the verified <see cref="RoleToken"/> for every call that does not
/// come from a grain, over whatever the client put there; grains only read it.
/// </summary>
public static class RequestActor
{
    public const string ContextKey = "ivr.actor";

    /// <summary>The actor of what the cluster does by itself.</summary>
    public const string System = "system";

    /// <summary>The actor of what is done at a silo's machine by <c>ivr</c>.</summary>
    public const string CommandLine = "command-line";

    /// <summary>The actor of what the dashboard does by itself, before and besides a person.</summary>
    public const string Dashboard = "dashboard";

    // Actors in audit records that are no person: one with such a name could pass their acts off as the cluster's.
    private static readonly HashSet<string> s_reserved = new(StringComparer.OrdinalIgnoreCase) { System, CommandLine, Dashboard, "unknown" };

    /// <summary>Whether this name stands in records for something else than a person.</summary>
    public static bool IsReserved(string name) => s_reserved.Contains(name);

    /// <summary>The name of the verified client of this request, or <see cref="System"/> when there is none.</summary>
    public static string Current => RequestContext.Get(ContextKey) as string is { Length: > 0 } name ? name : System;
}
