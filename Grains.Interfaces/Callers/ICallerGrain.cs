using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>
/// One caller identity (an account), keyed by <see cref="CallerKey"/>. An account that was never enrolled answers like one whose
/// factor was wrong: same result, same writes, same work.
/// </summary>
[Alias("ivr.ICallerGrain")]
public interface ICallerGrain : IGrainWithStringKey
{
    /// <summary>Reserves an attempt (persisted), verifies, persists the outcome, audits, and only then answers.</summary>
    [Alias("Verify")]
    Task<FactorResult> Verify(FactorAttempt attempt);

    /// <summary>What the flow may say to this caller; empty unless <paramref name="proof"/> was made by <see cref="Verify"/> for this caller and call.</summary>
    [Alias("ReadFacts")]
    Task<CallerFacts> ReadFacts(VerifiedCaller proof);

    /// <summary>Creates or replaces the caller's factors and facts.</summary>
    [Requires(Permission.EnrolCallers), Alias("Enrol")]
    Task<EnrolmentResult> Enrol(CallerEnrolment enrolment);

    /// <summary>Destroys what is kept of this caller: factors and facts, and the keys of recordings, also of those under the number that was enrolled.</summary>
    [Requires(Permission.EraseCallers), Alias("Erase")]
    Task<ErasureResult> Erase(string tenant);
}

[GenerateSerializer, Immutable, Alias("ivr.ErasureResult")]
public sealed class ErasureResult
{
    /// <summary>Null when erased; otherwise why not.</summary>
    [Id(0)] public string? Error { get; init; }
}
