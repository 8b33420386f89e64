using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The PIN, verified whole. Unknown accounts are checked against a hash that no PIN has, with the cost that new PINs get. Replay: a PIN is what stays the same; what keeps it
/// from being tried is the lockout, and what keeps it from being overheard is the sealing at the edge.
/// </summary>
internal sealed class PinFactor(ClusterPolicy policy, IClusterKeys keys, PinHasher hasher) : IFactor
{
    // Known to whoever has the pepper only; the tag is no HMAC of anything.
    private readonly PinHash _nobody = new()
    {
        Salt = HMACSHA256.HashData(keys.Pepper, "ivr unknown account"u8)[..PinHash.SaltSize],
        Cost = CostOf(policy),
        Tag = RandomNumberGenerator.GetBytes(32),
        Pepper = keys.PepperVersion,
    };

    public FactorKind Kind => FactorKind.Pin;

    public bool IsCostly => true;

    public bool IsEnrolled(CallerState caller) => caller.Pin is not null;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var stored = caller?.Pin ?? _nobody;
        var right = hasher.Matches(stored, digits) & caller?.Pin is not null;
        if (!hasher.HasPepperOf(stored)) return FactorCheck.CannotTell;
        if (!right) return FactorCheck.Refused;
        // The caller is refused anyway: a new hash would only tell, by its time, that these digits are the PIN.
        if (!context.Permitted) return new FactorCheck(true);
        // The first success since dates are kept is the one that can be counted from.
        var setAt = caller!.PinSetAt == default ? context.Now : caller.PinSetAt;
        var expired = IsExpired(caller, context.Now);
        if (IsCurrent(stored) && setAt == caller.PinSetAt) return new FactorCheck(true, null, expired);
        var pin = IsCurrent(stored) ? stored : Hash(digits);
        return new FactorCheck(true, caller.With(next => (next.Pin, next.PinSetAt) = (pin, setAt)), expired);
    }

    /// <summary>Whether the PIN has outlived its time; one of unknown age has not.</summary>
    public bool IsExpired(CallerState caller, DateTimeOffset now) => caller.PinSetAt != default && policy.PinsExpire is { } life && now - caller.PinSetAt >= life;

    /// <summary>Whether these digits are the PIN of now.</summary>
    public bool IsPin(CallerState caller, ReadOnlySpan<byte> digits) => caller.Pin is { } stored && hasher.Matches(stored, digits);

    /// <summary>A new hash with a new salt, at the cost and under the pepper of now.</summary>
    public PinHash Hash(ReadOnlySpan<byte> pin) => hasher.Make(pin, RandomNumberGenerator.GetBytes(PinHash.SaltSize), CostOf(policy));

    private bool IsCurrent(PinHash stored) => stored.Cost == CostOf(policy) && stored.PepperVersion == keys.PepperVersion;

    private static PinCost CostOf(ClusterPolicy policy) => new(policy.Argon2MemoryKiB, policy.Argon2Passes);
}
