using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Checks what an operator hands over and makes the state of an enrolled caller of it. Errors name what is wrong, never the value.</summary>
internal sealed class Enrolments(ClusterPolicy policy, IClusterKeys keys, PinFactor pins, PinPool pool)
{
    // Accounts are keyed on a telephone.
    private const int MostAccountDigits = 32;
    private const int MostAmounts = 32;
    private const int MostTransactions = 100;

    public async Task<(string? Error, CallerState? State)> Make(CallerKey caller, CallerEnrolment enrolment, CallerState before)
    {
        if (ErrorOf(caller, enrolment) is { } error) return (error, null);
        using var pin = keys.Open(enrolment.Pin, caller.Value, CallerEnrolment.PinPurpose);
        if (pin is null) return ("the PIN does not open: seal it to the cluster's key with the caller key as context", null);
        if (ErrorOfPin(pin) is { } weak) return (weak, null);
        using var totp = enrolment.TotpKey is null ? null : keys.Open(enrolment.TotpKey, caller.Value, CallerEnrolment.TotpPurpose);
        if (enrolment.TotpKey is not null && totp is null) return ("the TOTP key does not open: seal it to the cluster's key with the caller key as context", null);
        if (totp is { Length: < Totp.LeastKeyBytes or > Totp.MostKeyBytes }) return ($"a TOTP key has {Totp.LeastKeyBytes} to {Totp.MostKeyBytes} bytes", null);
        if (await pool.Run(() => new Hashed(pins.Hash(pin.Expose()))) is not { } hashed) return ("too many PINs are being checked: try again", null);
        return (null, new CallerState
        {
            Version = before.Version + 1,
            Tenant = enrolment.Tenant,
            Account = enrolment.Account,
            Number = enrolment.Number,
            Pin = hashed.Pin,
            TotpKey = totp?.Expose().ToArray(),
            // Kept: the same key enrolled again must not bring used codes back.
            LastTotpStep = before.LastTotpStep,
            Facts = enrolment.Facts,
        });
    }

    /// <summary>Under which keys something of a caller may be kept: the caller's own, and that of the number that was enrolled.</summary>
    public static IEnumerable<CallerKey> KeysOf(CallerKey caller, IClusterKeys keys, CallerState state)
    {
        yield return caller;
        if (state.Number is { } number)
            yield return CallerKey.ForNumber(keys.PseudonymKey(state.Tenant), state.Tenant, new string([.. number.Reveal().Where(char.IsAsciiDigit)]));
    }

    public static AuditEntry EntryOf(CallerKey caller, CallerState state) => new()
    {
        Actor = RequestActor.Current,
        Action = "operator.enrol",
        Result = AuditResult.Success,
        Object = caller.Value,
        Detail = $"{(state.TotpKey is null ? "pin" : "pin+totp")} caller-v={state.Version}",
    };

    private string? ErrorOf(CallerKey caller, CallerEnrolment enrolment)
    {
        if (!policy.Tenants.ContainsKey(enrolment.Tenant)) return "no such tenant";
        var account = enrolment.Account.Reveal();
        if (account.Length is 0 or > MostAccountDigits || !account.All(char.IsAsciiDigit)) return $"an account number has 1 to {MostAccountDigits} digits";
        if (CallerKey.ForAccount(keys.PseudonymKey(enrolment.Tenant), enrolment.Tenant, account) != caller) return "the account is not the one of this caller key";
        if (enrolment.Facts.Amounts.Count > MostAmounts) return $"more than {MostAmounts} amounts";
        return enrolment.Facts.Transactions.Count > MostTransactions ? $"more than {MostTransactions} transactions" : null;
    }

    private static string? ErrorOfPin(Secret<byte> pin)
    {
        if (pin.Length is < WeakPins.LeastDigits or > WeakPins.MostDigits || pin.Expose().ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return $"a PIN has {WeakPins.LeastDigits} to {WeakPins.MostDigits} digits";
        return WeakPins.Contains(pin.Expose()) ? "this PIN is too easy to guess" : null;
    }

    private readonly record struct Hashed(PinHash Pin);
}
