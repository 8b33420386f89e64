using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The code of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s). The code of this step or of the one before counts (RFC 6238 5.2: one step of delay), none of a
/// step to come. Replay: with an accepted code its step and all before are used up.
/// </summary>
internal sealed class TotpFactor : IFactor
{
    // Keeps the work the same where there is no key to check against.
    private static readonly byte[] s_nobody = RandomNumberGenerator.GetBytes(20);

    public FactorKind Kind => FactorKind.Totp;

    public bool IsEnrolled(CallerState caller) => caller.TotpKey is not null;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var step = Totp.StepOf(context.Now);
        var key = caller?.TotpKey ?? s_nobody;
        var accepted = -1L;
        // Both are computed and compared, so that time does not tell which one it was.
        for (var candidate = step - 1; candidate <= step; candidate++)
        {
            if (Hotp.Matches(key, candidate, digits) & candidate > (caller?.LastTotpStep ?? 0)) accepted = candidate;
        }
        return accepted >= 0 && caller?.TotpKey is not null ? new FactorCheck(true, caller.With(next => next.LastTotpStep = accepted)) : FactorCheck.Refused;
    }
}
