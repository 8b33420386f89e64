using System.Security.Cryptography;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Checks what an operator hands over and makes the state of an enrolled caller of it. Errors name what is wrong, never the value.</summary>
internal sealed class Enrolments(ClusterPolicy policy, IClusterKeys keys, PinFactor pins, FactorSet factors, PinPool pool, TimeProvider time)
{
    /// <summary>What is said when nothing is wrong but the time.</summary>
    public const string Busy = "too many PINs are being checked: try again";

    // Accounts are keyed on a telephone.
    private const int MostAccountDigits = 32;
    private const int MostAmounts = 32;
    private const int MostTransactions = 100;

    // RFC 5321 4.5.3.1.3, without the angle brackets.
    private const int MostAddressCharacters = 254;

    public async Task<(string? Error, CallerState? State)> Make(CallerKey caller, CallerEnrolment enrolment, CallerState before, bool exists)
    {
        if (ErrorOf(caller, enrolment) is { } error) return (error, null);
        var blank = new CallerState
        {
            Version = before.Version,
            Tenant = enrolment.Tenant,
            Account = enrolment.Account,
            Number = enrolment.Number,
            NumberFrom = NumberFrom(enrolment.Number, before, exists),
            // Kept: the same key enrolled again must not bring used codes back, nor a new enrolment lift the limit of codes.
            LastTotpStep = before.LastTotpStep,
            CodesSent = before.CodesSent,
            CodesTo = RouteOf(enrolment.CodesTo, before, exists),
            Until = enrolment.Until,
            Facts = enrolment.Facts,
        };
        return await WithSecrets(caller, blank, new Secrets(enrolment.Pin, enrolment.TotpKey, enrolment.HotpKey, enrolment.HotpCounter), before.Hotp);
    }

    public async Task<(string? Error, CallerState? State)> Rebind(CallerKey caller, CallerRebinding rebinding, CallerState before)
    {
        if (rebinding.CodesTo is { } destination && ErrorOfDestination(destination) is { } error) return (error, null);
        if (rebinding.Lost.Contains(FactorKind.Pin)) return ("a PIN is not taken away; expected a new one in its place", null);
        var changed = before.With(next =>
        {
            next.Version = before.Version;
            next.LastAccepted = "";
            next.Sent = null;
            foreach (var lost in rebinding.Lost) Remove(lost, next);
            if (rebinding.Number is { } number) (next.Number, next.NumberFrom) = (number, NumberFrom(number, before, exists: true));
            next.Until = rebinding.Until ?? next.Until;
            if (rebinding.CodesTo is { } to) next.CodesTo = RouteOf(to, before, exists: true);
        });
        return await WithSecrets(caller, changed, new Secrets(rebinding.Pin, rebinding.TotpKey, rebinding.HotpKey, rebinding.HotpCounter), before.Hotp);
    }

    /// <summary>Under which keys something of a caller may be kept: the caller's own, and that of the number that was enrolled.</summary>
    public static IEnumerable<CallerKey> KeysOf(CallerKey caller, IClusterKeys keys, CallerState state)
    {
        yield return caller;
        if (state.Number is { } number)
            yield return CallerKey.ForNumber(keys.PseudonymKey(state.Tenant), state.Tenant, new string([.. number.Reveal().Where(char.IsAsciiDigit)]));
    }

    public AuditEntry EntryOf(CallerKey caller, string action, CallerState state, bool existed) => new()
    {
        Actor = RequestActor.Current,
        Action = action,
        Result = AuditResult.Success,
        Object = caller.Value,
        Detail = $"{factors.NamesOf(state)} {(existed ? "replaced" : "new")} caller-v={state.Version}",
    };

    /// <summary>Opens what is there and puts it in place of what was.</summary>
    private async Task<(string? Error, CallerState? State)> WithSecrets(CallerKey caller, CallerState state, Secrets secrets, HotpToken? token)
    {
        using var pin = Open(caller, secrets.Pin, CallerEnrolment.PinPurpose);
        using var totp = Open(caller, secrets.TotpKey, CallerEnrolment.TotpPurpose);
        using var hotp = Open(caller, secrets.HotpKey, CallerEnrolment.HotpPurpose);
        if (secrets.Pin is not null && pin is null) return (Unopened("PIN"), null);
        if (pin is not null && PinChanges.ErrorOf(pin) is { } weak) return (weak, null);
        if (secrets.TotpKey is not null && totp is null) return (Unopened("TOTP key"), null);
        if (totp is { Length: < Totp.LeastKeyBytes or > Hotp.MostKeyBytes }) return ($"a TOTP key has {Totp.LeastKeyBytes} to {Hotp.MostKeyBytes} bytes", null);
        if (secrets.HotpKey is not null && hotp is null) return (Unopened("HOTP key"), null);
        if (hotp is { Length: < Hotp.LeastKeyBytes or > Hotp.MostKeyBytes }) return ($"a HOTP key has {Hotp.LeastKeyBytes} to {Hotp.MostKeyBytes} bytes", null);
        if (secrets.HotpCounter < 0) return ("a HOTP counter is not negative", null);
        var hashed = default(PinHash);
        if (pin is not null)
        {
            if (await pool.Run(() => new Hashed(pins.Hash(pin.Expose()))) is not { } done) return (Busy, null);
            hashed = done.Pin;
        }
        var now = time.GetUtcNow();
        return (null, state.With(next =>
        {
            next.BoundAt = now;
            if (hashed is not null) (next.Pin, next.PinSetAt) = (hashed, now);
            if (totp is not null) next.TotpKey = totp.Expose().ToArray();
            if (hotp is not null) next.Hotp = TokenOf(hotp, secrets.HotpCounter, token);
        }));
    }

    /// <summary>The same key enrolled again must not bring used codes back.</summary>
    private static HotpToken TokenOf(Secret<byte> key, long counter, HotpToken? before)
    {
        var isSame = before is not null && CryptographicOperations.FixedTimeEquals(before.Key, key.Expose());
        return new HotpToken { Key = key.Expose().ToArray(), Counter = isSame ? Math.Max(counter, before!.Counter) : counter };
    }

    private Secret<byte>? Open(CallerKey caller, SealedSecret? secret, string purpose) => secret is null ? null : keys.Open(secret, caller.Value, purpose);

    private static string Unopened(string what) => $"the {what} does not open: seal it to the cluster's key with the caller key as context";

    private static void Remove(FactorKind lost, CallerState from)
    {
        switch (lost)
        {
            case FactorKind.Totp: from.TotpKey = null; break;
            case FactorKind.Hotp: from.Hotp = null; break;
            case FactorKind.SentCode: from.CodesTo = null; break;
            case FactorKind.CallBack or FactorKind.Attestation: from.Number = null; break;
            // With a lost device goes the link by which another could still be registered.
            case FactorKind.Device: (from.Devices, from.Device, from.Approval) = ([], null, null); break;
            case FactorKind.RecoveryCode: from.RecoveryCodes = []; break;
        }
    }

    /// <summary>Of a caller who was there before, a destination that was not is used only after a while.</summary>
    private CodeRoute? RouteOf(CodeDestination? to, CallerState before, bool exists)
    {
        if (to is null) return null;
        if (before.CodesTo is { } known && known.To.Channel == to.Channel && string.Equals(known.To.Address.Reveal(), to.Address.Reveal(), StringComparison.Ordinal)) return known;
        return new CodeRoute { To = to, From = exists ? time.GetUtcNow() + SentCodeFactor.CoolDown : DateTimeOffset.MinValue };
    }

    /// <summary>Of a caller who was there before, a number that was not is called only after a while.</summary>
    private DateTimeOffset NumberFrom(PhoneNumber? number, CallerState before, bool exists)
    {
        if (number is null || !exists) return DateTimeOffset.MinValue;
        var key = keys.PseudonymKey(before.Tenant);
        return before.Number is { } known && CallOrigins.KeyOf(known, before.Tenant, key) == CallOrigins.KeyOf(number, before.Tenant, key) ? before.NumberFrom : time.GetUtcNow() + CallBackFactor.CoolDown;
    }

    private string? ErrorOf(CallerKey caller, CallerEnrolment enrolment)
    {
        if (!policy.Tenants.ContainsKey(enrolment.Tenant)) return "no such tenant";
        var account = enrolment.Account.Reveal();
        if (account.Length is 0 or > MostAccountDigits || !account.All(char.IsAsciiDigit)) return $"an account number has 1 to {MostAccountDigits} digits";
        if (CallerKey.ForAccount(keys.PseudonymKey(enrolment.Tenant), enrolment.Tenant, account) != caller) return "the account is not the one of this caller key";
        if (enrolment.Facts.Amounts.Count > MostAmounts) return $"more than {MostAmounts} amounts";
        if (enrolment.Facts.Transactions.Count > MostTransactions) return $"more than {MostTransactions} transactions";
        return enrolment.CodesTo is { } to ? ErrorOfDestination(to) : null;
    }

    private static string? ErrorOfDestination(CodeDestination to)
    {
        var address = to.Address.Reveal();
        return to.Channel switch
        {
            // E.164: at most 15 digits, and none begins with zero.
            CodeChannel.Sms or CodeChannel.Voice => address is ['+', >= '1' and <= '9', ..] && address.Length is >= 8 and <= 16 && address.AsSpan(1).ContainsAnyExceptInRange('0', '9') is false
                ? null
                : "codes go to a number in E.164 with its plus sign",
            CodeChannel.Email => address.Length <= MostAddressCharacters && address.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && at < address.Length - 1
                && address.All(c => c is > ' ' and < '\x7f') && address.LastIndexOf('@') == at
                ? null
                : "codes go to an address of mail such as name@example.net",
            _ => "codes go by sms, voice or email",
        };
    }

    private readonly record struct Secrets(SealedSecret? Pin, SealedSecret? TotpKey, SealedSecret? HotpKey, long HotpCounter);

    private readonly record struct Hashed(PinHash Pin);
}
