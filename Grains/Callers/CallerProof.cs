using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Makes and checks <see cref="VerifiedCaller"/> statements: HMAC-SHA-256 over all that they say.</summary>
internal static class CallerProof
{
    /// <summary>As long as a call may last: a statement that outlives its call is worth nothing.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(4);

    /// <summary>A statement of these factors, each once, in the order of their numbers.</summary>
    public static VerifiedCaller Make(
        ReadOnlySpan<byte> key, CallerKey caller, CallId call, IEnumerable<FactorKind> factors, DateTimeOffset at, RiskLevel risk = RiskLevel.None, bool pinExpired = false)
    {
        var unsigned = new VerifiedCaller { Caller = caller, Call = call, Factors = [.. factors.Distinct().Order()], Mac = [], At = at, Risk = risk, PinExpired = pinExpired };
        return new VerifiedCaller { Caller = caller, Call = call, Factors = unsigned.Factors, Mac = Mac(key, unsigned), At = at, Risk = risk, PinExpired = pinExpired };
    }

    /// <summary>Whether a caller grain made this statement for this caller, whatever the call, and not too long ago.</summary>
    public static bool IsGenuine(ReadOnlySpan<byte> key, CallerKey caller, VerifiedCaller? proof, DateTimeOffset now) =>
        // What came over the wire may lack members, whatever the type says.
        proof is { Factors: not null, Mac: not null, Caller.Value: not null, Call.Value: not null }
        && proof.Caller == caller
        && CryptographicOperations.FixedTimeEquals(proof.Mac, Mac(key, proof))
        // Both ways: a clock that steps back must not make it good for ever.
        && (now - proof.At).Duration() <= Life;

    private static byte[] Mac(ReadOnlySpan<byte> key, VerifiedCaller proof)
    {
        // Lengths stand before the parts so that no two statements give the same bytes.
        var text = string.Create(CultureInfo.InvariantCulture,
            $"ivr proof v2 {proof.Caller.Value.Length}:{proof.Caller.Value}{proof.Call.Value.Length}:{proof.Call.Value}{string.Join(',', proof.Factors.Select(f => (int)f))};{(int)proof.Risk};{proof.At.UtcTicks};{(proof.PinExpired ? 1 : 0)}");
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
    }
}
