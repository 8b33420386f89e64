using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using OtpNet;

namespace IvrActors.SystemTests.Harness;

/// <summary>A caller made for one test: random account, PIN and TOTP key, so that finding one of them anywhere means a leak.</summary>
internal sealed class TestCaller
{
    private readonly byte[] _totpKey = RandomNumberGenerator.GetBytes(20);

    public string Account { get; } = Digits(8, '1');

    public string Pin { get; } = Digits(8, '7');

    /// <summary>E.164.</summary>
    public string Number { get; } = "+1212" + Digits(7, '5');

    public string TotpSecret => Base32Encoding.ToString(_totpKey);

    public ReadOnlySpan<byte> TotpKey => _totpKey;

    /// <summary>The code of now; a caller types it within the step or the next.</summary>
    public string Code => new Totp(_totpKey).ComputeTotp();

    /// <summary>A PIN that is not this caller's, of the same length and not on a block-list.</summary>
    public string WrongPin => Pin[..^1] + (char)('0' + ((Pin[^1] - '0' + 3) % 10));

    public string ToJson(string balance) => JsonSerializer.Serialize(new
    {
        tenant = "demo",
        account = Account,
        number = Number,
        pin = Pin,
        totpSecret = TotpSecret,
        balance,
        currency = "USD",
        transactions = new[]
        {
            new { date = "2026-11-02", amount = "-20.00" },
            new { date = "2026-11-13", amount = "310.00" },
        },
    });

    private static string Digits(int count, char first) =>
        first + string.Concat(Enumerable.Range(0, count - 1).Select(_ => RandomNumberGenerator.GetInt32(10).ToString(CultureInfo.InvariantCulture)));
}
