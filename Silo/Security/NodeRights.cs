using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Security;

/// <summary>Which role tokens a node may sign with its certificate. One table, asked before a token is made and again where it is verified.</summary>
internal static class NodeRights
{
    private static readonly (NodeRoles Node, HashSet<string> Roles)[] s_table =
    [
        (NodeRoles.Silo, [Roles.Edge, Roles.Node, Roles.SignIn, Roles.Devices, .. Roles.OfPersons]),
        (NodeRoles.Edge, [Roles.Edge, Roles.Node]),
        (NodeRoles.Dashboard, [Roles.Node, Roles.SignIn, Roles.Devices, .. Roles.OfPersons]),
    ];

    /// <summary>Deny by default. <see cref="RoleTokens.SystemRole"/> stands nowhere: it is made within a silo only.</summary>
    public static bool MaySign(NodeIdentity node, string name, string role) =>
        Array.Exists(s_table, row => node.Roles.HasFlag(row.Node) && row.Roles.Contains(role)) && IsNameOf(node, name, role);

    private static bool IsNameOf(NodeIdentity node, string name, string role)
    {
        // Recordings, reports and media lanes take only the edge that they are of: one that was taken over must not speak as another.
        if (role is Roles.Edge or Roles.Node) return name == node.Name;
        // Names that stand in records for the cluster itself; the dashboard's own stands for what its pages do by themselves.
        return !RequestActor.IsReserved(name) || name == RequestActor.Dashboard || (name == RequestActor.CommandLine && node.Roles.HasFlag(NodeRoles.Silo));
    }
}
