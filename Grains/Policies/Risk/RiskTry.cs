using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>What was asked of the shards about an attempt.</summary>
internal sealed record RiskAnswers(Task<RiskVisitSigns> Account, Task<RiskVisitSigns> Number, Task<bool> IsSuspect);

/// <summary>One attempt on its way: begun before it is verified, judged whatever comes of it, noted at its end.</summary>
internal sealed class RiskTry(RiskDesk desk, FactorAttempt attempt, CallerKey account)
{
    private readonly RiskAnswers? _answers = desk.Ask(attempt, account);
    private ulong? _pin;
    private RiskAssessment _assessment = RiskAssessment.Nothing;

    /// <summary>The digits that were tried, while they are open. Only their tag is kept.</summary>
    public void Tried(ReadOnlySpan<byte> digits) => _pin = desk.TagOf(attempt, digits);

    /// <summary>The worse of what was known of the call and what is known of the attempt.</summary>
    public async Task<RiskLevel> Level()
    {
        _assessment = await desk.Assess(attempt, account, _pin, _answers);
        return _assessment.Level > attempt.Risk ? _assessment.Level : attempt.Risk;
    }

    public void Note(FactorOutcome outcome) => desk.Note(attempt, account, _pin, outcome, _assessment);
}
