namespace IvrActors.Grains.Policies.Risk;

/// <summary>What <c>cluster.yaml</c> says of risk: from which score on something is done, and what. Everything is on unless it is switched off.</summary>
public sealed record RiskPolicy
{
    /// <summary>Scores (0 to 100) from which a call's risk is raised, and high.</summary>
    public int Raised { get; init; } = 30;
    public int High { get; init; } = 70;

    /// <summary>After so long a sign that did not come again counts half.</summary>
    public TimeSpan HalfLife { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Accounts on which one origin may fail in ten minutes.</summary>
    public int AccountsOfOrigin { get; init; } = 5;

    /// <summary>Accounts from which an origin that hardly ever succeeds is blocked.</summary>
    public int AccountsToBlock { get; init; } = 10;

    /// <summary>Calls of one number in ten minutes.</summary>
    public int CallsOfOrigin { get; init; } = 20;

    /// <summary>Whether more proof is asked for.</summary>
    public bool StepUp { get; init; } = true;

    /// <summary>Least time that an answer takes for an origin that tries many accounts; null: as for all.</summary>
    public TimeSpan? SlowDown { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The same for one that has more against it; and how many are kept waiting at once in a silo, so that a tarpit does not fill with the calls that it holds.</summary>
    public TimeSpan? Tarpit { get; init; } = TimeSpan.FromSeconds(3);
    public int TarpitsAtOnce { get; init; } = 50;

    /// <summary>How long an origin is kept out; null: it is not.</summary>
    public TimeSpan? Block { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Whether alarms are raised.</summary>
    public bool Alarm { get; init; } = true;
}
