using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>One kind of proof. Decides from what it is given; what it needs to be remembered comes back in the result.</summary>
internal interface IFactor
{
    FactorKind Kind { get; }

    /// <summary>Whether it computes so long that it must not run on a grain's scheduler.</summary>
    bool IsCostly { get; }

    /// <summary>Whether the caller has this factor.</summary>
    bool IsEnrolled(CallerState caller);

    /// <summary>Checks the digits. Without a caller (null) or without this factor it does the same work and refuses.</summary>
    FactorCheck Verify(DateTimeOffset now, CallerState? caller, ReadOnlySpan<byte> digits);
}

/// <summary>The result of a check. <paramref name="Next"/> is the state to persist before an acceptance is answered, or null when it stays.</summary>
internal readonly record struct FactorCheck(bool Accepted, CallerState? Next)
{
    public static readonly FactorCheck Refused;

    public override string ToString() => Accepted ? "accepted" : "refused";
}
