using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>A call of ours that is expected: whom, by what, for how long, and where the flow goes on when it is answered.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallBackTicket")]
public sealed class CallBackTicket
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required string Trunk { get; init; }

    /// <summary>The edge to be asked first.</summary>
    [Id(2)] public required string Edge { get; init; }

    /// <summary>In E.164.</summary>
    [Id(3)] public required PhoneNumber Number { get; init; }

    /// <summary>Its pseudonym.</summary>
    [Id(4)] public required CallerKey Called { get; init; }
    [Id(5)] public required TimeSpan RingTime { get; init; }

    /// <summary>What was set aside for it, and under which name.</summary>
    [Id(6)] public required TimeSpan MostTalk { get; init; }
    [Id(7)] public required string Reservation { get; init; }
    [Id(8)] public required string Flow { get; init; }
    [Id(9)] public required string FlowVersion { get; init; }
    [Id(10)] public required string Step { get; init; }

    /// <summary>What the caller keyed and need not key again. Never a secret.</summary>
    [Id(11)] public Dictionary<string, PersonalText> Variables { get; init; } = [];

    /// <summary>An answer after this is nobody whom we wait for.</summary>
    [Id(12)] public required DateTimeOffset Expires { get; init; }

    /// <summary>What was known against the first call: another call does not wash it off.</summary>
    [Id(13)] public RiskLevel Risk { get; init; }

    public override string ToString() => "[call back]";
}
