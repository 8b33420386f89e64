using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The code of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s). The code of this step or of the one before counts (RFC 6238 5.2: one step of delay), none of a
/// step to come, and each once.
/// </summary>
internal sealed class TotpFactor : IFactor
{
    // Keeps the work the same where there is no key to check against.
    private static readonly byte[] s_nobody = RandomNumberGenerator.GetBytes(20);

    public FactorKind Kind => FactorKind.Totp;

    public bool IsCostly => false;

    public bool IsEnrolled(CallerState caller) => caller.TotpKey is not null;

    public FactorCheck Verify(DateTimeOffset now, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var step = Totp.StepOf(now);
        var key = caller?.TotpKey ?? s_nobody;
        var accepted = -1L;
        // Both are computed and compared, so that time does not tell which one it was.
        for (var candidate = step - 1; candidate <= step; candidate++)
        {
            if (Totp.Matches(key, candidate, digits) & candidate > (caller?.LastTotpStep ?? 0)) accepted = candidate;
        }
        return accepted >= 0 && caller?.TotpKey is not null ? new FactorCheck(true, caller.WithTotpStep(accepted)) : FactorCheck.Refused;
    }
}
