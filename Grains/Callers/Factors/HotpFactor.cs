using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The code of a token that counts (RFC 4226). It may be some presses of its button ahead (7.4); one that is further ahead is found again by two codes in a row, of which the
/// first is refused and counted like any wrong one. Replay: with an accepted code its counter and all before are used up.
/// </summary>
internal sealed class HotpFactor : IFactor
{
    /// <summary>Codes after the expected one that count: a button in a pocket, and still less than one guess in 100,000 a try.</summary>
    public const int LookAhead = 5;

    /// <summary>How far ahead a token may be to be found again.</summary>
    public const int ResyncAhead = 100;

    private static readonly HotpToken s_nobody = new() { Key = RandomNumberGenerator.GetBytes(20) };

    public FactorKind Kind => FactorKind.Hotp;

    public bool IsEnrolled(CallerState caller) => caller.Hotp is not null;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var token = caller?.Hotp ?? s_nobody;
        var found = -1L;
        // All are computed and compared, so that time does not tell which one it was; the nearest counts.
        for (var counter = token.Counter + ResyncAhead; counter >= token.Counter; counter--)
        {
            if (Hotp.Matches(token.Key, counter, digits)) found = counter;
        }
        // Where the code before this one was right, too, though too far ahead.
        if (token.Seen is { } seen && Hotp.Matches(token.Key, seen, digits)) found = seen;
        if (caller?.Hotp is null || found < 0) return FactorCheck.Refused;
        return found <= token.Counter + LookAhead || found == token.Seen
            ? new FactorCheck(true, caller.With(next => next.Hotp = new HotpToken { Key = token.Key, Counter = found + 1 }))
            : new FactorCheck(false, caller.With(next => next.Hotp = new HotpToken { Key = token.Key, Counter = token.Counter, Seen = found + 1 }));
    }
}
