namespace IvrActors.Silo.Cluster;

/// <summary>What a node is, in <c>cluster.yaml</c> and in its certificate.</summary>
[Flags]
internal enum NodeRoles
{
    None = 0,
    Silo = 1,
    Edge = 2,
    Dashboard = 4,

    /// <summary>Reads metrics and nothing else: a role of certificates, which no node of <c>cluster.yaml</c> has.</summary>
    Monitor = 8,
}

/// <summary>How roles are written.</summary>
internal static class NodeRoleNames
{
    private static readonly (string Text, NodeRoles Role)[] s_roles =
        [("silo", NodeRoles.Silo), ("edge", NodeRoles.Edge), ("dashboard", NodeRoles.Dashboard), ("monitor", NodeRoles.Monitor)];

    public static IEnumerable<string> All => s_roles.Select(role => role.Text);

    /// <summary><see cref="NodeRoles.None"/> when it names none.</summary>
    public static NodeRoles RoleOf(string text) => Array.Find(s_roles, role => role.Text == text).Role;

    public static IEnumerable<string> Of(NodeRoles roles) => s_roles.Where(role => roles.HasFlag(role.Role)).Select(role => role.Text);
}
