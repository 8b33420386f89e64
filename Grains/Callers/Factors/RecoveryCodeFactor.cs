using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// A look-up secret on paper (NIST SP 800-63B-4 3.1.2), for who has lost the rest. Replay: an accepted code is taken off the list; new ones replace the whole list.
/// </summary>
internal sealed class RecoveryCodeFactor(IClusterKeys keys) : IFactor
{
    public const int Codes = 10;

    /// <summary>Above 20 bits, as the standard asks of what is throttled (3.1.2.2), and still keyed on a telephone in one go.</summary>
    public const int Digits = 10;

    private const string Purpose = "recovery code";

    private static readonly SecretTag s_nobody = new() { Pepper = 0, Tag = RandomNumberGenerator.GetBytes(32) };

    public FactorKind Kind => FactorKind.RecoveryCode;

    public bool IsEnrolled(CallerState caller) => caller.RecoveryCodes.Count > 0;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var known = caller?.RecoveryCodes ?? [];
        SecretTag? used = null;
        // As many comparisons whether there are ten codes left or none.
        for (var i = 0; i < Codes; i++)
        {
            var tag = i < known.Count ? known[i] : s_nobody;
            if (tag.Matches(keys, Purpose, digits)) used = tag;
        }
        return used is null || caller is null ? FactorCheck.Refused : new FactorCheck(true, caller.With(next => next.RecoveryCodes = [.. known.Where(tag => !ReferenceEquals(tag, used))]));
    }

    /// <summary>New codes: what is kept of them, and what the caller gets, one a line.</summary>
    public (List<SecretTag> Kept, Secret<byte> Given) Make()
    {
        var kept = new List<SecretTag>(Codes);
        var given = new byte[Codes * (Digits + 1)];
        for (var i = 0; i < Codes; i++)
        {
            using var code = RandomDigits.Make(Digits);
            kept.Add(SecretTag.Make(keys, Purpose, code.Expose()));
            code.Expose().CopyTo(given.AsSpan(i * (Digits + 1)));
            given[i * (Digits + 1) + Digits] = (byte)'\n';
        }
        return (kept, new Secret<byte>(given));
    }
}
