using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>Whether a caller may be called back, and where.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallBackOrder")]
public sealed class CallBackOrder
{
    [Id(0)] public required CallBackOutcome Outcome { get; init; }

    /// <summary>As it was registered; only when the outcome is <see cref="CallBackOutcome.Ordered"/>.</summary>
    [Id(1)] public PhoneNumber? Number { get; init; }

    public override string ToString() => $"[call back {Outcome}]";
}

[GenerateSerializer, Alias("ivr.CallBackOutcome")]
public enum CallBackOutcome
{
    Ordered = 0,

    /// <summary>No number is registered, or it was lately; nothing was proven; or it could not be found out.</summary>
    Unavailable = 1,

    /// <summary>The tenant's rules for calls out forbid it, or nothing is left to spend.</summary>
    Refused = 2,

    /// <summary>This caller was called back too often lately.</summary>
    Limited = 3,
}
