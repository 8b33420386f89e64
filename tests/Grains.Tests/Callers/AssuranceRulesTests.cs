using CsCheck;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

public sealed class AssuranceRulesTests
{
    private static readonly FactorKind[] s_kinds = Enum.GetValues<FactorKind>();
    private static readonly Gen<RiskLevel> s_risk = Gen.OneOfConst(Enum.GetValues<RiskLevel>());
    private static readonly Gen<Assurance> s_wanted = Gen.OneOfConst(Enum.GetValues<Assurance>());

    // As bits: all sets of factors are tried soon.
    private static readonly Gen<List<FactorKind>> s_factors = Gen.Int[0, (1 << s_kinds.Length) - 1].Select(bits => s_kinds.Where((_, i) => (bits >> i & 1) == 1).ToList());

    [Theory]
    [InlineData(RiskLevel.None, Assurance.Low, FactorKind.Pin)]
    [InlineData(RiskLevel.None, Assurance.Low, FactorKind.Totp)]
    [InlineData(RiskLevel.None, Assurance.Medium, FactorKind.Pin, FactorKind.Attestation)]
    [InlineData(RiskLevel.None, Assurance.High, FactorKind.Pin, FactorKind.SentCode)]
    [InlineData(RiskLevel.None, Assurance.High, FactorKind.Pin, FactorKind.RecoveryCode)]
    [InlineData(RiskLevel.Raised, Assurance.None, FactorKind.Pin)]
    [InlineData(RiskLevel.Raised, Assurance.Low, FactorKind.Pin, FactorKind.Attestation)]
    [InlineData(RiskLevel.Raised, Assurance.Medium, FactorKind.Pin, FactorKind.CallBack)]
    [InlineData(RiskLevel.Raised, Assurance.High, FactorKind.Pin, FactorKind.Device)]
    [InlineData(RiskLevel.High, Assurance.None, FactorKind.Pin, FactorKind.SentCode, FactorKind.Attestation)]
    [InlineData(RiskLevel.High, Assurance.High, FactorKind.Pin, FactorKind.Hotp)]
    public void Factors_come_to_what_the_table_says(RiskLevel risk, Assurance assurance, params FactorKind[] verified) => Assert.Equal(assurance, AssuranceRules.Of(verified, risk));

    [Fact]
    public void Nothing_verified_is_nothing_proven() => Assert.All(Enum.GetValues<RiskLevel>(), risk => Assert.Equal(Assurance.None, AssuranceRules.Of([], risk)));

    [Fact]
    public void More_risk_never_gives_more_assurance() =>
        Gen.Select(s_factors, s_risk, s_risk).Sample((verified, one, other) =>
            AssuranceRules.Of(verified, AssuranceRules.Worse(one, other)) <= AssuranceRules.Of(verified, one));

    [Fact]
    public void One_more_factor_never_gives_less() =>
        Gen.Select(s_factors, s_factors, s_risk).Sample((some, others, risk) => AssuranceRules.Of([.. some, .. others], risk) >= AssuranceRules.Of(some, risk));

    [Fact]
    public void High_takes_the_PIN_and_something_strong_whatever_the_risk() =>
        Gen.Select(s_factors, s_risk).Sample((verified, risk) =>
            AssuranceRules.Of(verified, risk) < Assurance.High
            || (verified.Contains(FactorKind.Pin) && verified.Exists(f => FactorTraits.Of(f) is { Category: FactorCategory.Possession, Strength: > FactorStrength.Weak })));

    [Fact]
    public void Under_suspicion_what_goes_through_a_number_proves_nothing() =>
        Gen.Select(s_factors, s_wanted).Sample((verified, _) =>
            AssuranceRules.Of(verified, RiskLevel.High) == Assurance.None || verified.Exists(f => f is FactorKind.Totp or FactorKind.Hotp or FactorKind.Device));

    [Fact]
    public void Every_factor_that_may_be_asked_for_next_reaches_by_itself_what_is_wanted() =>
        Gen.Select(s_factors, s_factors, s_wanted, s_risk).Sample((askable, proven, wanted, risk) =>
        {
            List<FactorKind> verified = [FactorKind.Pin, .. proven];
            return AssuranceRules.Next(askable, verified, wanted, risk).TrueForAll(f => askable.Contains(f) && !verified.Contains(f) && AssuranceRules.Of([.. verified, f], risk) >= wanted);
        });

    [Fact]
    public void A_factor_that_is_not_at_hand_leaves_the_others_and_lowers_nothing() =>
        Gen.Select(s_factors, s_factors, s_wanted, s_risk).Sample((askable, missing, wanted, risk) =>
        {
            var all = AssuranceRules.Next(askable, [FactorKind.Pin], wanted, risk);
            var rest = AssuranceRules.Next([.. askable.Except(missing)], [FactorKind.Pin], wanted, risk);
            return rest.SequenceEqual(all.Except(missing));
        });

    [Fact]
    public void Before_the_PIN_nothing_else_is_asked_for_whatever_the_account_has() =>
        Gen.Select(s_factors, s_wanted, s_risk).Sample((askable, wanted, risk) =>
            AssuranceRules.Next(askable, [], wanted, risk) is var next && (wanted == Assurance.None ? next.Count == 0 : next.SequenceEqual([FactorKind.Pin])));

    [Theory]
    [InlineData(Assurance.Low, RiskLevel.None)]
    [InlineData(Assurance.Medium, RiskLevel.None, FactorKind.Totp, FactorKind.SentCode, FactorKind.RecoveryCode)]
    [InlineData(Assurance.High, RiskLevel.None, FactorKind.Totp, FactorKind.SentCode, FactorKind.RecoveryCode)]
    [InlineData(Assurance.Low, RiskLevel.Raised, FactorKind.Totp, FactorKind.SentCode, FactorKind.RecoveryCode)]
    [InlineData(Assurance.High, RiskLevel.Raised, FactorKind.Totp)]
    [InlineData(Assurance.Low, RiskLevel.High, FactorKind.Totp)]
    public void After_the_PIN_the_best_comes_first(Assurance wanted, RiskLevel risk, params FactorKind[] next) =>
        Assert.Equal(next, AssuranceRules.Next([FactorKind.Pin, FactorKind.RecoveryCode, FactorKind.SentCode, FactorKind.Totp], [FactorKind.Pin], wanted, risk));

    [Fact]
    public void Wrong_codes_are_forgiven_only_when_nothing_surer_could_be_asked_for()
    {
        Assert.True(AssuranceRules.IsComplete([FactorKind.Pin], [FactorKind.Pin]));
        Assert.False(AssuranceRules.IsComplete([FactorKind.Pin, FactorKind.Totp], [FactorKind.Pin]));
        Assert.False(AssuranceRules.IsComplete([FactorKind.Pin, FactorKind.Totp], [FactorKind.Pin, FactorKind.Attestation]));
        Assert.True(AssuranceRules.IsComplete([FactorKind.Pin, FactorKind.Totp, FactorKind.SentCode], [FactorKind.Pin, FactorKind.SentCode]));
    }
}
