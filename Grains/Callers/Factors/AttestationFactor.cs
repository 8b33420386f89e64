using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The calling number is the registered one, and its carrier vouches in full that the caller may use it (RFC 8588 4, "A"). Not asked for: it joins the proof of a right PIN.
/// Replay: a PASSporT is good for one call and a minute, which the edge sees to; here the verdict is of this very call.
/// </summary>
internal sealed class AttestationFactor(IClusterKeys keys) : IFactor
{
    public FactorKind Kind => FactorKind.Attestation;

    public bool IsSilent => true;

    public bool IsEnrolled(CallerState caller) => caller.Number is not null;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits) =>
        context.From is { Attestation: Attestation.A, Calling: { } calling } && caller is { Number: { } registered }
        && calling == CallOrigins.KeyOf(registered, caller.Tenant, keys.PseudonymKey(caller.Tenant))
            ? new FactorCheck(true)
            : FactorCheck.Refused;
}
