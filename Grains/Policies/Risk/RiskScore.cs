using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>One reason, and how much of its weight it still has (1: all).</summary>
internal readonly record struct RiskWeight(RiskReason Reason, double Strength = 1);

/// <summary>What comes of all signs against an attempt.</summary>
internal sealed record RiskAssessment(RiskLevel Level, int Score, IReadOnlyList<RiskReason> Reasons)
{
    public static readonly RiskAssessment Nothing = new(RiskLevel.None, 0, []);
}

/// <summary>Adds up what speaks against an attempt. What others do counts for an attested caller as well, and is never more than a reason to ask for one more factor.</summary>
internal static class RiskScore
{
    private const int Most = 100;

    /// <summary>A sign that is weaker is forgotten.</summary>
    public const double Faintest = 0.1;

    public static int WeightOf(RiskReason reason) => reason switch
    {
        RiskReason.SprayedPin or RiskReason.ManyAccounts => 50,
        // By itself a reason to ask for more: somebody else may have the PIN; a carrier may have cut the number.
        RiskReason.ImpossibleTravel => 40,
        RiskReason.AttestationFailed => 30,
        // Only beside another: telephones dial from memory, companies call often, and a wave is not the doing of who is in it.
        RiskReason.MachineKeys or RiskReason.Velocity or RiskReason.FailureWave => 20,
        RiskReason.NewOrigin => 10,
        _ => 0,
    };

    public static RiskAssessment Assess(RiskPolicy policy, IEnumerable<RiskWeight> weights, bool isAttested)
    {
        var strongest = weights.Where(weight => weight.Strength >= Faintest).GroupBy(weight => weight.Reason)
            .Select(group => new RiskWeight(group.Key, group.Max(weight => weight.Strength))).OrderByDescending(weight => WeightOf(weight.Reason) * weight.Strength).ToList();
        if (strongest.Count == 0) return RiskAssessment.Nothing;
        var (all, own) = (Sum(strongest), Sum(strongest.Where(weight => !IsOfOthers(weight.Reason))));
        var level = LevelOf(policy, all);
        if (isAttested && level == RiskLevel.High && LevelOf(policy, own) != RiskLevel.High) level = RiskLevel.Raised;
        return new RiskAssessment(level, all, [.. strongest.Select(weight => weight.Reason)]);
    }

    /// <summary>Half after each half-life.</summary>
    public static double StrengthAfter(RiskPolicy policy, TimeSpan age) => Math.Pow(0.5, Math.Max(0, age / policy.HalfLife));

    private static bool IsOfOthers(RiskReason reason) => reason is RiskReason.SprayedPin or RiskReason.FailureWave;

    private static int Sum(IEnumerable<RiskWeight> weights) => (int)Math.Min(Most, Math.Round(weights.Sum(weight => WeightOf(weight.Reason) * Math.Min(1, weight.Strength))));

    private static RiskLevel LevelOf(RiskPolicy policy, int score) => score >= policy.High ? RiskLevel.High : score >= policy.Raised ? RiskLevel.Raised : RiskLevel.None;
}
