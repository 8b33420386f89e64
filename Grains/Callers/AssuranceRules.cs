using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Callers;

/// <summary>
/// What verified factors come to, and what to ask for next, as pure functions. More factors never give less, more risk never gives more, and a factor stands in for another
/// only where it reaches what is wanted by itself.
/// </summary>
internal static class AssuranceRules
{
    // What a caller has at hand and types fastest comes first; what is used up with its use comes last.
    private static readonly FactorKind[] s_order =
    [
        FactorKind.Pin, FactorKind.Device, FactorKind.Totp, FactorKind.Hotp, FactorKind.SentCode, FactorKind.CallBack, FactorKind.RecoveryCode,
    ];

    /// <summary>
    /// <code>
    ///                                  no risk   raised   high
    /// any one factor                   Low       -        -
    /// knowledge + weak possession      Medium    Low      -
    /// knowledge + strong possession    High      Medium   -
    /// knowledge + off the network      High      High     High
    /// </code>
    /// Raised: a flow needs one step more for what it asks. High: what can be relayed through a number, or read from paper, counts for nothing.
    /// </summary>
    public static Assurance Of(IReadOnlyCollection<FactorKind> verified, RiskLevel risk)
    {
        if (verified.Count == 0) return Assurance.None;
        var knows = verified.Any(f => FactorTraits.Of(f).Category is FactorCategory.Knowledge);
        var has = verified.Where(f => FactorTraits.Of(f).Category is FactorCategory.Possession).Select(f => (FactorStrength?)FactorTraits.Of(f).Strength).Max();
        return (knows, has, risk) switch
        {
            (true, FactorStrength.OffTheNetwork, _) => Assurance.High,
            (true, FactorStrength.Strong, RiskLevel.None) => Assurance.High,
            (true, FactorStrength.Strong, RiskLevel.Raised) => Assurance.Medium,
            (true, FactorStrength.Weak, RiskLevel.None) => Assurance.Medium,
            (true, FactorStrength.Weak, RiskLevel.Raised) => Assurance.Low,
            (_, _, RiskLevel.None) => Assurance.Low,
            _ => Assurance.None,
        };
    }

    /// <summary>The factors that could be asked for next, best first. Empty: the wanted assurance is reached, or cannot be.</summary>
    /// <param name="askable">What the caller has and can be asked for in this call.</param>
    public static List<FactorKind> Next(IReadOnlyCollection<FactorKind> askable, IReadOnlyCollection<FactorKind> verified, Assurance wanted, RiskLevel risk)
    {
        if (Of(verified, risk) >= wanted) return [];
        // Always the PIN first: what else an account has shows only to who knows that.
        if (!verified.Contains(FactorKind.Pin)) return [FactorKind.Pin];
        return [.. s_order.Where(f => askable.Contains(f) && !verified.Contains(f) && Of([.. verified, f], risk) >= wanted)];
    }

    /// <summary>Whether nothing that can be asked for would make it surer: then earlier failures are forgiven. A right PIN alone must not forgive wrong codes.</summary>
    public static bool IsComplete(IReadOnlyCollection<FactorKind> enrolled, IReadOnlyCollection<FactorKind> verified) =>
        Of(verified, RiskLevel.None) >= Of([.. enrolled, .. verified], RiskLevel.None);

    public static RiskLevel Worse(RiskLevel one, RiskLevel other) => one > other ? one : other;
}
