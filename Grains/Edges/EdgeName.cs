using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Edges;

/// <summary>An edge acts in its own name only: every edge holds a token that the permission of edges covers, so the name in it must be the one that is spoken for.</summary>
internal static class EdgeName
{
    /// <exception cref="UnauthorizedAccessException">Who calls is somebody else.</exception>
    public static void Demand(string edge)
    {
        if (!string.Equals(RequestActor.Current, edge, StringComparison.Ordinal)) throw new UnauthorizedAccessException("An edge speaks for itself only.");
    }
}
