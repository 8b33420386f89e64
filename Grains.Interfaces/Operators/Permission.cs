namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>What a caller of a grain method must be allowed. Checked at the grain boundary for every call that does not come from a grain.</summary>
[GenerateSerializer, Alias("ivr.Permission")]
public enum Permission
{
    /// <summary>Only other grains.</summary>
    None = 0,
    EdgeCalls = 1,
    EdgeReports = 2,
    ViewCalls = 3,
    HangUpCalls = 4,
    ViewLockouts = 5,
    Unlock = 6,
    ViewFlows = 7,
    PublishFlows = 8,
    SearchAudit = 9,
    ViewEdges = 10,
    DrainEdges = 11,
    EnrolCallers = 12,

    /// <summary>Create operators, change roles and factors.</summary>
    ManageOperators = 13,

    /// <summary>Read and write sign-in state of operators: the dashboard's own sign-in code, never a signed-in person.</summary>
    SignIn = 14,

    /// <summary>Look at the masked SIP messages of calls.</summary>
    TraceCalls = 15,

    /// <summary>Begin and end blocks of sources.</summary>
    BlockSources = 16,

    /// <summary>Hear what was recorded.</summary>
    OpenRecordings = 17,

    /// <summary>Destroy what is kept of a caller.</summary>
    EraseCallers = 18,

    /// <summary>Call from the dashboard's phone page.</summary>
    UsePhone = 19,

    /// <summary>Bind factors of a caller anew, and make recovery codes.</summary>
    RebindCallers = 20,

    /// <summary>Pass on what callers' own pages ask and answer: the code behind these pages, never a person.</summary>
    ServeDevices = 22,

    /// <summary>Say how much a node still does, and hear whether it is to end: the node itself.</summary>
    NodeReports = 23,

    /// <summary>Have a node hand on its calls and end.</summary>
    DrainNodes = 24,
}

/// <summary>The permission that a grain method asks of its caller. A method without it can be called only by grains.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresAttribute(Permission permission) : Attribute
{
    public Permission Permission { get; } = permission;
}

/// <summary>Roles and what each may do. One table.</summary>
public static class Roles
{
    public const string Edge = "edge";
    public const string SignIn = "sign-in";
    public const string Devices = "devices";

    /// <summary>Any node, in its own name.</summary>
    public const string Node = "node";
    public const string Viewer = "viewer";
    public const string Operator = "operator";
    public const string Administrator = "administrator";

    /// <summary>The roles that a person can hold.</summary>
    public static readonly IReadOnlyList<string> OfPersons = [Viewer, Operator, Administrator];

    private static readonly Dictionary<string, HashSet<Permission>> s_permissions = new(StringComparer.Ordinal)
    {
        [Edge] = [Permission.EdgeCalls, Permission.EdgeReports],
        [SignIn] = [Permission.SignIn],
        [Devices] = [Permission.ServeDevices],
        [Node] = [Permission.NodeReports],
        [Viewer] = [Permission.ViewCalls, Permission.ViewLockouts, Permission.ViewFlows, Permission.ViewEdges, Permission.SearchAudit],
        [Operator] =
        [
            Permission.ViewCalls, Permission.ViewLockouts, Permission.ViewFlows, Permission.ViewEdges, Permission.SearchAudit,
            Permission.HangUpCalls, Permission.Unlock, Permission.DrainEdges, Permission.BlockSources, Permission.UsePhone,
        ],
        [Administrator] =
        [
            Permission.ViewCalls, Permission.ViewLockouts, Permission.ViewFlows, Permission.ViewEdges, Permission.SearchAudit,
            Permission.HangUpCalls, Permission.Unlock, Permission.DrainEdges, Permission.BlockSources, Permission.UsePhone,
            Permission.PublishFlows, Permission.EnrolCallers, Permission.ManageOperators, Permission.TraceCalls, Permission.OpenRecordings, Permission.EraseCallers,
            Permission.RebindCallers, Permission.DrainNodes,
        ],
    };

    /// <summary>Deny by default: an unknown role may do nothing.</summary>
    public static bool Allows(string role, Permission permission) => s_permissions.TryGetValue(role, out var allowed) && allowed.Contains(permission);
}
