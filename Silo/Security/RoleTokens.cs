using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Security;

/// <summary>Signs role tokens with the cluster's token key, and checks them and those that nodes sign.</summary>
/// <param name="nodes">Null: no other node's tokens are taken.</param>
internal sealed class RoleTokens(ClusterKeys keys, TimeProvider time, NodeTokenVerifier? nodes = null) : IRoleTokens
{
    /// <summary>Role of this process's own start-up code: may call everything. Only <see cref="IssueSystem"/> makes it, which nobody outside Silo can reach.</summary>
    public const string SystemRole = "system";

    // Long enough for a request that waits in a queue, short enough that a copied token is soon worth nothing.
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(5);
    private static readonly HashSet<string> s_roles = [Roles.Edge, Roles.Node, Roles.SignIn, Roles.Devices, .. Roles.OfPersons];

    public string Issue(string name, string role)
    {
        if (!s_roles.Contains(role)) throw new ArgumentException("No such role.", nameof(role));
        return Sign(name, role);
    }

    /// <summary>What <see cref="Security.GrainMark"/> puts on a call.</summary>
    public string GrainMark { get; } = Convert.ToBase64String(keys.GrainMarkKey);

    /// <summary>Compares in constant time.</summary>
    public bool IsGrainMark(string? text) =>
        text is not null && CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(text.AsSpan()), MemoryMarshal.AsBytes(GrainMark.AsSpan()));

    public string IssueSystem() => Sign("system", SystemRole);

    /// <summary>The token, or null when it is malformed, forged or expired.</summary>
    public RoleToken? Verify(string text) => NodeToken.IsLike(text) ? nodes?.Verify(text) : RoleToken.Verify(keys.TokenKey, text, time.GetUtcNow());

    private string Sign(string name, string role)
    {
        // The separator inside a token: a name that holds it could claim a role.
        if (name.Contains('|', StringComparison.Ordinal)) throw new ArgumentException("A name must not hold '|'.", nameof(name));
        return new RoleToken { Name = name, Role = role, Expires = time.GetUtcNow() + s_life }.Sign(keys.TokenKey);
    }
}
