using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using OtpNet;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr caller rebind</c> and <c>ivr caller recovery-codes</c>. Secrets come by standard input: what stands on a command line is seen by everybody on the machine.</summary>
internal static class BindingCommands
{
    private static readonly Dictionary<string, FactorKind> s_lost = new(StringComparer.Ordinal)
    {
        ["totp"] = FactorKind.Totp,
        ["hotp"] = FactorKind.Hotp,
        ["sent_code"] = FactorKind.SentCode,
        ["number"] = FactorKind.CallBack,
        ["device"] = FactorKind.Device,
        ["recovery_code"] = FactorKind.RecoveryCode,
    };

    public static Command Rebind(Terminal terminal)
    {
        var (tenant, account) = Caller();
        var pin = new Option<bool>("--pin") { Description = "Reads a new PIN from standard input." };
        var totp = new Option<bool>("--totp") { Description = "Reads a new TOTP key (base32) from standard input, behind the PIN where there is one." };
        var lost = new Option<string[]>("--lost") { Description = "Takes a factor away: " + string.Join(", ", s_lost.Keys) + "." };
        lost.AcceptOnlyFromAmong([.. s_lost.Keys]);
        var rebind = new Command("rebind", "Binds factors of a caller anew and leaves the others as they are. Locks and disablement are lifted.") { tenant, account, pin, totp, lost };
        rebind.SetAction(terminal, async (parsed, cluster, cancellation) =>
        {
            var (asksPin, asksTotp, taken) = (parsed.GetValue(pin), parsed.GetValue(totp), parsed.GetValue(lost) ?? []);
            if (!asksPin && !asksTotp && taken.Length == 0) return await Say(terminal.Error, "Nothing is to be bound anew: see --help.", ExitCode.Usage);
            var newPin = asksPin ? Encoding.ASCII.GetBytes((await terminal.Input.ReadLineAsync(cancellation) ?? "").Trim()) : null;
            if (!TryReadKey(asksTotp ? await terminal.Input.ReadLineAsync(cancellation) ?? "" : null, out var newKey)) return await Say(terminal.Error, "The TOTP key is not base32.", ExitCode.Findings);
            return await ClusterConnection.Use(cluster, terminal, async grains =>
            {
                if (await KeyOf(grains, parsed.GetRequiredValue(tenant), parsed.GetRequiredValue(account)) is not { } caller) return await Say(terminal.Error, "no such tenant", ExitCode.Findings);
                var sealing = await grains.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key).GetSealingKey();
                var result = await grains.GetGrain<ICallerGrain>(caller.Value).Rebind(new CallerRebinding
                {
                    Tenant = parsed.GetRequiredValue(tenant),
                    Pin = newPin is null ? null : SecretSealer.Seal(sealing, caller.Value, CallerEnrolment.PinPurpose, newPin),
                    TotpKey = newKey is null ? null : SecretSealer.Seal(sealing, caller.Value, CallerEnrolment.TotpPurpose, newKey),
                    Lost = [.. taken.Select(name => s_lost[name])],
                });
                return result.Error is { } error ? await Say(terminal.Error, error, ExitCode.Findings) : await Say(terminal.Output, "bound anew", ExitCode.Done);
            });
        });
        return rebind;
    }

    public static Command RecoveryCodes(Terminal terminal)
    {
        var (tenant, account) = Caller();
        var codes = new Command("recovery-codes", "Makes recovery codes for a caller and prints them, this once. Those of before are worth nothing from then on.") { tenant, account };
        codes.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, async grains =>
        {
            if (await KeyOf(grains, parsed.GetRequiredValue(tenant), parsed.GetRequiredValue(account)) is not { } caller) return await Say(terminal.Error, "no such tenant", ExitCode.Findings);
            using var own = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
            var request = new RecoveryCodesRequest { Tenant = parsed.GetRequiredValue(tenant), To = SecretSealer.PublicKeyOf("once", own) };
            var result = await grains.GetGrain<ICallerGrain>(caller.Value).MakeRecoveryCodes(request);
            using var made = result.Codes is null ? null : SecretSealer.Open(own, caller.Value, RecoveryCodesRequest.Purpose, result.Codes);
            return made is null
                ? await Say(terminal.Error, result.Error ?? "the codes do not open", ExitCode.Findings)
                : await Say(terminal.Output, Encoding.ASCII.GetString(made.Expose()).TrimEnd(), ExitCode.Done);
        }));
        return codes;
    }

    private static (Option<string> Tenant, Option<string> Account) Caller() =>
        (new Option<string>("--tenant") { Description = "Whose caller.", Required = true }, new Option<string>("--account") { Description = "The account.", Required = true });

    public static async Task<CallerKey?> KeyOf(IGrainFactory grains, string tenant, string account)
    {
        try
        {
            return await grains.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key).KeyOf(tenant, new PersonalText(account));
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static bool TryReadKey(string? text, out byte[]? key)
    {
        key = null;
        if (text is null) return true;
        try
        {
            key = Base32Encoding.ToBytes(text.Trim());
            return key.Length > 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static async Task<int> Say(TextWriter to, string text, int exit)
    {
        await to.WriteLineAsync(text);
        return exit;
    }
}
