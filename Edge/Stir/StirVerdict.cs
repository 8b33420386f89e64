using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Stir;

/// <summary>What the Identity headers of a call prove. Only <see cref="StirVerifier"/> makes one that proves anything.</summary>
internal sealed class StirVerdict
{
    private StirVerdict()
    {
    }

    /// <summary>Nothing was asked for.</summary>
    public static StirVerdict Unasked { get; } = new();

    public StirFailure Failure { get; private init; }

    /// <summary>
    /// A, B or C when verified: a PASSporT without an attestation counts as C, for its signer says nothing of the caller. Of a diverted call B at most: A was given for a call to
    /// somebody else, and whoever that is can divert it to us.
    /// </summary>
    public Attestation Attestation { get; private init; }

    /// <summary>Whether the call was sent on to us by whom it was meant for, and each step is signed.</summary>
    public bool IsDiverted { get; private init; }

    /// <summary>Whether a provider signed that the call has priority.</summary>
    public bool HasPriority { get; private init; }

    public bool IsVerified => Attestation >= Attestation.C;

    public static StirVerdict Failed(StirFailure failure) =>
        new() { Failure = failure, Attestation = failure == StirFailure.Missing ? Attestation.None : Attestation.Failed };

    internal static StirVerdict Verified(Attestation attestation, bool isDiverted, bool hasPriority) =>
        new() { Attestation = Counted(attestation, isDiverted), IsDiverted = isDiverted, HasPriority = hasPriority };

    /// <summary>What an attestation counts for in the end.</summary>
    internal static Attestation Counted(Attestation attestation, bool isDiverted) =>
        attestation < Attestation.C ? Attestation.C : isDiverted && attestation > Attestation.B ? Attestation.B : attestation;
}
