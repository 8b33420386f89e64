using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using OtpNet;

namespace IvrActors.Dashboard.Import;

/// <summary>One caller as a file says it, in the words of the file. Its values are personal or secret: a class, so that nothing prints them.</summary>
internal sealed class CallerRow
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, NumberHandling = JsonNumberHandling.Strict };

    private static readonly Dictionary<string, CodeChannel> s_channels = new(StringComparer.OrdinalIgnoreCase)
    {
        ["sms"] = CodeChannel.Sms,
        ["voice"] = CodeChannel.Voice,
        ["email"] = CodeChannel.Email,
    };

    /// <summary>Names of values, in JSON and at the head of columns. Only JSON has transactions as well.</summary>
    public static readonly IReadOnlyList<string> Names = ["tenant", "account", "number", "pin", "totpSecret", "hotpSecret", "hotpCounter", "codesBy", "codesTo", "until", "balance", "currency"];

    public string? Tenant { get; init; }
    public string? Account { get; init; }
    public string? Number { get; init; }
    public string? Pin { get; init; }
    public string? TotpSecret { get; init; }
    public string? HotpSecret { get; init; }
    public long? HotpCounter { get; init; }
    public string? CodesBy { get; init; }
    public string? CodesTo { get; init; }
    public string? Until { get; init; }
    public string? Balance { get; init; }
    public string? Currency { get; init; }
    public List<TransactionRow>? Transactions { get; init; }

    /// <summary>Of a line of JSON, or what is wrong with it.</summary>
    public static (CallerRow? Row, string? Error) OfJson(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<CallerRow>(line, s_json) is { } row ? (row, null) : (null, "not a caller in JSON");
        }
        catch (JsonException e)
        {
            // A name that is none of ours may be a value in the wrong place.
            var known = Names.Append("transactions").FirstOrDefault(name => e.Path?.StartsWith("$." + name, StringComparison.Ordinal) == true);
            return (null, $"not a caller in JSON (at byte {e.BytePositionInLine}{(known is null ? "" : ", " + known)})");
        }
    }

    /// <summary>Of values in the order of the named columns.</summary>
    public static (CallerRow? Row, string? Error) OfValues(IReadOnlyList<string> columns, List<string> values)
    {
        if (values.Count != columns.Count) return (null, $"{values.Count} values where the first line names {columns.Count}");
        string? Of(string name) => Enumerable.Range(0, columns.Count).Where(i => string.Equals(columns[i], name, StringComparison.OrdinalIgnoreCase)).Select(i => values[i].Trim()).FirstOrDefault(text => text.Length > 0);
        var counter = Of("hotpCounter");
        if (counter is not null && !long.TryParse(counter, NumberStyles.None, CultureInfo.InvariantCulture, out _)) return (null, "hotpCounter is no whole number");
        return (new CallerRow
        {
            Tenant = Of("tenant"),
            Account = Of("account"),
            Number = Of("number"),
            Pin = Of("pin"),
            TotpSecret = Of("totpSecret"),
            HotpSecret = Of("hotpSecret"),
            HotpCounter = counter is null ? null : long.Parse(counter, CultureInfo.InvariantCulture),
            CodesBy = Of("codesBy"),
            CodesTo = Of("codesTo"),
            Until = Of("until"),
            Balance = Of("balance"),
            Currency = Of("currency"),
        }, null);
    }

    /// <summary>The caller, or what is wrong, without the value. What the cluster checks is not checked here.</summary>
    public (NewCaller? Caller, string? Error) Read()
    {
        if (Tenant is not { Length: > 0 } || Account is not { Length: > 0 } || Pin is not { Length: > 0 }) return (null, "tenant, account and pin are needed");
        if (!Pin.All(char.IsAscii)) return (null, "a PIN is made of digits");
        if (Number is not null && !IsE164(Number)) return (null, "number is not in E.164 with its plus sign");
        if (!TryReadKey(TotpSecret, out var totp)) return (null, "totpSecret is not base32");
        if (!TryReadKey(HotpSecret, out var hotp)) return (null, "hotpSecret is not base32");
        if (HotpCounter is not null && hotp is null) return (null, "hotpCounter without hotpSecret");
        if (CodesBy is null != CodesTo is null) return (null, "codesBy and codesTo go together");
        var channel = default(CodeChannel);
        if (CodesBy is not null && !s_channels.TryGetValue(CodesBy, out channel)) return (null, "codesBy is sms, voice or email");
        var until = default(DateTimeOffset);
        if (Until is not null && !DateTimeOffset.TryParseExact(Until, ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out until))
            return (null, "until is a date (YYYY-MM-DD) or a time (YYYY-MM-DDThh:mm:ssZ)");
        if (!TryReadFacts(out var facts)) return (null, "balance and amounts are decimal numbers with at most two places in quotes, dates are YYYY-MM-DD, currency is three letters");
        return (new NewCaller
        {
            Tenant = Tenant,
            Account = Account,
            Number = Number,
            Pin = Pin,
            TotpKey = totp,
            HotpKey = hotp,
            HotpCounter = HotpCounter ?? 0,
            CodesTo = CodesTo is null ? null : new CodeDestination { Channel = channel, Address = new PersonalText(CodesTo) },
            Until = Until is null ? null : until,
            Facts = facts,
        }, null);
    }

    private static bool IsE164(string text) => text.Length is >= 8 and <= 16 && text[0] == '+' && text[1] != '0' && text.AsSpan(1).ContainsAnyExceptInRange('0', '9') is false;

    private static bool TryReadKey(string? text, out byte[]? key)
    {
        key = null;
        if (text is null) return true;
        try
        {
            key = Base32Encoding.ToBytes(text);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private bool TryReadFacts(out CallerFacts facts)
    {
        facts = new CallerFacts();
        var currency = Currency ?? "USD";
        if (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper)) return false;
        if (Balance is not null)
        {
            if (!TryReadMoney(Balance, currency, out var balance)) return false;
            facts.Amounts["balance"] = balance;
        }
        foreach (var transaction in Transactions ?? [])
        {
            if (!DateOnly.TryParseExact(transaction?.Date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var on)) return false;
            if (!TryReadMoney(transaction!.Amount, currency, out var amount)) return false;
            facts.Transactions.Add(new AccountTransaction { On = on, Amount = amount });
        }
        return true;
    }

    private static bool TryReadMoney(string? text, string currency, out Money money)
    {
        money = new Money { Minor = 0, Currency = currency };
        if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)) return false;
        if (Math.Abs(amount) > 1_000_000_000_000m || amount * 100 != decimal.Truncate(amount * 100)) return false;
        money = new Money { Minor = (long)(amount * 100), Currency = currency };
        return true;
    }

    internal sealed class TransactionRow
    {
        public string? Date { get; init; }
        public string? Amount { get; init; }
    }
}
