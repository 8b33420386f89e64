using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>The PIN, verified whole. Unknown accounts are checked against a hash that no PIN has, with the cost that new PINs get.</summary>
internal sealed class PinFactor(ClusterPolicy policy, IClusterKeys keys, PinHasher hasher) : IFactor
{
    // Known to whoever has the pepper only; the tag is no HMAC of anything.
    private readonly PinHash _nobody = new()
    {
        Salt = HMACSHA256.HashData(keys.Pepper, "ivr unknown account"u8)[..PinHash.SaltSize],
        Cost = CostOf(policy),
        Tag = RandomNumberGenerator.GetBytes(32),
    };

    public FactorKind Kind => FactorKind.Pin;

    public bool IsCostly => true;

    public bool IsEnrolled(CallerState caller) => caller.Pin is not null;

    public FactorCheck Verify(DateTimeOffset now, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var stored = caller?.Pin ?? _nobody;
        var right = hasher.Matches(stored, digits) & caller?.Pin is not null;
        if (!right) return FactorCheck.Refused;
        return stored.Cost == CostOf(policy) ? new FactorCheck(true, null) : new FactorCheck(true, caller!.WithPin(Hash(digits)));
    }

    /// <summary>A new hash with a new salt at the cost of now.</summary>
    public PinHash Hash(ReadOnlySpan<byte> pin) => hasher.Make(pin, RandomNumberGenerator.GetBytes(PinHash.SaltSize), CostOf(policy));

    private static PinCost CostOf(ClusterPolicy policy) => new(policy.Argon2MemoryKiB, policy.Argon2Passes);
}
