using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Storage;
using OtpNet;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr caller add</c> and <c>ivr demo code</c>.</summary>
internal static class CallerCommands
{
    // A caller with the most transactions that an enrolment takes is below 16 KiB.
    private const int MostLine = 64 * 1024;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var caller = new Command("caller", "Callers.");
        var add = new Command("add",
            """
            Enrols callers in the running cluster, read from standard input, one JSON object a line:
            {"tenant":"demo","account":"12345678","number":"+12125550100","pin":"480237","totpSecret":"BASE32","balance":"120.50","currency":"USD","transactions":[{"date":"2026-11-02","amount":"-20.00"}]}
            """);
        add.SetAction(terminal, (_, cluster, cancellation) => ClusterConnection.Use(cluster, terminal, grains => Add(grains, terminal, cancellation)));
        caller.Add(add);
        caller.Add(RecordingCommands.Erase(terminal));
        root.Add(caller);

        var demo = new Command("demo", "Demo callers of a development cluster.");
        var account = new Argument<string>("account") { Description = "The account number that was printed at start." };
        var code = new Command("code", "Prints the one-time code that is valid now.") { account };
        code.SetAction(terminal, (parsed, cluster, _) => Task.FromResult(Code(cluster, parsed.GetRequiredValue(account), terminal)));
        demo.Add(code);
        root.Add(demo);
    }

    private static async Task<int> Add(IGrainFactory grains, Terminal terminal, CancellationToken cancellation)
    {
        var enroller = new CallerEnroller(grains);
        var (number, added, wrong) = (0, 0, 0);
        while (await terminal.Input.ReadLineAsync(cancellation) is { } line)
        {
            number++;
            if (line.Trim().Length == 0) continue;
            if (await Add(enroller, line) is { } error)
            {
                wrong++;
                await terminal.Error.WriteLineAsync($"line {number}: {error}");
            }
            else
            {
                added++;
            }
        }
        await terminal.Output.WriteLineAsync($"{added} enrolled, {wrong} refused");
        return wrong == 0 ? ExitCode.Done : ExitCode.Findings;
    }

    /// <summary>Enrols one; null, or what is wrong. Messages never repeat a value.</summary>
    private static async Task<string?> Add(CallerEnroller enroller, string line)
    {
        if (line.Length > MostLine) return $"longer than {MostLine} characters";
        NewCaller? caller;
        try
        {
            caller = JsonSerializer.Deserialize<NewCaller>(line, s_json);
        }
        catch (JsonException e)
        {
            return $"not a caller in JSON (at byte {e.BytePositionInLine}, {e.Path})";
        }
        if (caller is null) return "not a caller in JSON";
        if (!TryReadFacts(caller, out var facts)) return "balance and amounts are decimal numbers with at most two places in quotes, dates are YYYY-MM-DD, currency is three letters";
        var pin = Encoding.ASCII.GetBytes(caller.Pin);
        byte[] totp;
        try
        {
            totp = caller.TotpSecret is null ? [] : Base32Encoding.ToBytes(caller.TotpSecret);
        }
        catch (ArgumentException)
        {
            return "totpSecret is not base32";
        }
        try
        {
            return await enroller.Enrol(caller.Tenant, caller.Account, caller.Number, pin, totp, facts);
        }
        catch (ArgumentException)
        {
            return "no such tenant";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pin);
            CryptographicOperations.ZeroMemory(totp);
        }
    }

    private static bool TryReadFacts(NewCaller caller, out CallerFacts facts)
    {
        facts = new CallerFacts();
        if (caller.Currency is not { Length: 3 } || !caller.Currency.All(char.IsAsciiLetterUpper)) return false;
        if (caller.Balance is not null)
        {
            if (!TryReadMoney(caller.Balance, caller.Currency, out var balance)) return false;
            facts.Amounts["balance"] = balance;
        }
        foreach (var transaction in caller.Transactions)
        {
            if (!DateOnly.TryParseExact(transaction.Date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var on)) return false;
            if (!TryReadMoney(transaction.Amount, caller.Currency, out var amount)) return false;
            facts.Transactions.Add(new AccountTransaction { On = on, Amount = amount });
        }
        return true;
    }

    private static bool TryReadMoney(string text, string currency, out Money money)
    {
        money = new Money { Minor = 0, Currency = currency };
        if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)) return false;
        if (Math.Abs(amount) > 1_000_000_000_000m || amount * 100 != decimal.Truncate(amount * 100)) return false;
        money = new Money { Minor = (long)(amount * 100), Currency = currency };
        return true;
    }

    private static int Code(ClusterFile cluster, string account, Terminal terminal)
    {
        if (!cluster.Development || cluster.DemoCallers == 0)
        {
            terminal.Error.WriteLine("This cluster has no demo callers.");
            return ExitCode.Findings;
        }
        using var vault = ClusterVault.OpenExisting(cluster, DateTimeOffset.UtcNow);
        if (DemoCallers.Open(vault.Ring, cluster.DemoCallers).All.FirstOrDefault(c => c.Account == account) is not { } caller)
        {
            terminal.Error.WriteLine("No demo caller has this account.");
            return ExitCode.Findings;
        }
        terminal.Output.WriteLine(caller.CodeAt(DateTimeOffset.UtcNow));
        return ExitCode.Done;
    }

    /// <summary>One line of input. Its values are personal or secret: a class, so that nothing prints them.</summary>
    private sealed class NewCaller
    {
        public required string Tenant { get; init; }
        public required string Account { get; init; }
        public string? Number { get; init; }
        public required string Pin { get; init; }
        public string? TotpSecret { get; init; }
        public string? Balance { get; init; }
        public string Currency { get; init; } = "USD";
        public List<NewTransaction> Transactions { get; init; } = [];
    }

    private sealed class NewTransaction
    {
        public required string Date { get; init; }
        public required string Amount { get; init; }
    }
}
