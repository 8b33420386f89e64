using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Storage;
using OtpNet;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// The callers of a development cluster. Account, PIN and TOTP key follow from one random seed that rests encrypted in the key ring's
/// folder, so that every start prints the same ones and no file holds them in clear.
/// </summary>
internal sealed class DemoCallers
{
    private const int SeedSize = 32;

    private readonly byte[] _seed;

    private DemoCallers(byte[] seed, int count)
    {
        _seed = seed;
        All = [.. Enumerable.Range(1, count).Select(Make)];
    }

    public IReadOnlyList<DemoCaller> All { get; }

    /// <summary>Names the seed without revealing it, so that it can be noted which callers were enrolled.</summary>
    public string Fingerprint => Convert.ToHexStringLower(Derive("fingerprint", 8));

    public static DemoCallers Open(KeyRing ring, int count) => new(ring.Secret("demo", mayCreate: true, () => RandomNumberGenerator.GetBytes(SeedSize)), count);

    private DemoCaller Make(int number) => new(
        Digits($"account {number}", 8, _ => true), Digits($"pin {number}", 6, IsHardToGuess), Derive($"totp {number}", 20),
        new Money { Minor = 100_00 + (BitConverter.ToUInt32(Derive($"balance {number}", 4)) % 900_000), Currency = "USD" });

    private string Digits(string label, int count, Func<string, bool> isGood)
    {
        for (var attempt = 0; ; attempt++)
        {
            // Each digit from four bytes: the bias of the remainder is below one in 100 million.
            var bytes = Derive($"{label}/{attempt}", count * 4);
            var text = string.Concat(Enumerable.Range(0, count).Select(i => (char)('0' + (BitConverter.ToUInt32(bytes, i * 4) % 10))));
            if (text[0] != '0' && isGood(text)) return text;
        }
    }

    // Well clear of any block-list of common PINs: no digit twice, no two neighbours that count up or down, nothing that reads as a year.
    private static bool IsHardToGuess(string pin) =>
        pin.Distinct().Count() == pin.Length && pin.Zip(pin.Skip(1)).All(pair => Math.Abs(pair.First - pair.Second) != 1) && !pin.Contains("19", StringComparison.Ordinal) && !pin.Contains("20", StringComparison.Ordinal);

    private byte[] Derive(string label, int size) => HKDF.DeriveKey(HashAlgorithmName.SHA256, _seed, size, info: Encoding.UTF8.GetBytes("ivr demo " + label));
}

/// <summary>One demo caller. Its members are for the terminal, never for a log.</summary>
internal sealed class DemoCaller(string account, string pin, byte[] totpKey, Money balance)
{
    public string Account { get; } = account;

    public string Pin { get; } = pin;

    public byte[] TotpKey { get; } = totpKey;

    public Money Balance { get; } = balance;

    public string TotpSecret => Base32Encoding.ToString(TotpKey);

    public string OtpAuthUri => $"otpauth://totp/IvrActors:{Account}?secret={TotpSecret}&issuer=IvrActors";

    /// <summary>RFC 6238: SHA-1, 6 digits, 30 s.</summary>
    public string CodeAt(DateTimeOffset now) => new Totp(TotpKey).ComputeTotp(now.UtcDateTime);

    public CallerFacts Facts(DateOnly today) => new()
    {
        Amounts = new Dictionary<string, Money>(StringComparer.Ordinal) { ["balance"] = Balance },
        Transactions =
        [
            new AccountTransaction { On = today.AddDays(-1), Amount = new Money { Minor = -42_50, Currency = Balance.Currency } },
            new AccountTransaction { On = today.AddDays(-5), Amount = new Money { Minor = 1_250_00, Currency = Balance.Currency } },
            new AccountTransaction { On = today.AddDays(-9), Amount = new Money { Minor = -8_99, Currency = Balance.Currency } },
        ],
    };
}
