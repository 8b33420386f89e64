using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Edge.Calls;

/// <summary>
/// This edge's life, as the cluster counts it: calls belong to a life, and when the cluster has missed it, as of a process that stood still, they are given to others. Then a new life begins. Any thread.
/// </summary>
public sealed class EdgeIncarnation
{
    private volatile Life _life = new(NewId(), EdgeBirth.New);

    /// <summary>What stands in reports and in calls that begin.</summary>
    public string Value => _life.Id;

    /// <summary>What the next report says of it.</summary>
    internal EdgeBirth Birth => _life.Birth;

    /// <summary>Whether the cluster knows this life.</summary>
    internal bool IsKnown => _life.Birth == EdgeBirth.Known;

    /// <summary>A report of this life was answered.</summary>
    internal void Known(string life)
    {
        if (_life is { Birth: not EdgeBirth.Known } current && current.Id == life) _life = new Life(life, EdgeBirth.Known);
    }

    /// <summary>This life was missed: another one begins. False when it did already.</summary>
    internal bool Renew(string missed)
    {
        if (_life.Id != missed) return false;
        _life = new Life(NewId(), EdgeBirth.Again);
        return true;
    }

    private static string NewId() => RandomNumberGenerator.GetHexString(24, lowercase: true);

    private sealed class Life(string id, EdgeBirth birth)
    {
        public string Id { get; } = id;

        public EdgeBirth Birth { get; } = birth;
    }
}
