using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Makes and checks <see cref="VerifiedCaller"/> statements: HMAC-SHA-256 over caller, call and factors.</summary>
internal static class CallerProof
{
    /// <summary>A statement of these factors, each once, in the order of their numbers.</summary>
    public static VerifiedCaller Make(ReadOnlySpan<byte> key, CallerKey caller, CallId call, IEnumerable<FactorKind> factors)
    {
        var verified = factors.Distinct().Order().ToList();
        return new VerifiedCaller { Caller = caller, Call = call, Factors = verified, Mac = Mac(key, caller, call, verified) };
    }

    /// <summary>Whether a caller grain made this statement for this caller, whatever the call.</summary>
    public static bool IsGenuine(ReadOnlySpan<byte> key, CallerKey caller, VerifiedCaller? proof) =>
        // What came over the wire may lack members, whatever the type says.
        proof is { Factors: not null, Mac: not null, Caller.Value: not null, Call.Value: not null }
        && proof.Caller == caller
        && CryptographicOperations.FixedTimeEquals(proof.Mac, Mac(key, caller, proof.Call, proof.Factors));

    private static byte[] Mac(ReadOnlySpan<byte> key, CallerKey caller, CallId call, List<FactorKind> factors)
    {
        // Lengths stand before the parts so that no two statements give the same bytes.
        var text = $"ivr proof v1 {caller.Value.Length}:{caller.Value}{call.Value.Length}:{call.Value}{string.Join(',', factors.Select(f => (int)f))}";
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
    }
}
