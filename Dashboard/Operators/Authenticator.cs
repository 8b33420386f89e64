using System.Globalization;
using System.Net;
using OtpNet;
using QRCoder;

namespace IvrActors.Dashboard.Operators;

/// <summary>Time-based one-time codes (RFC 6238: SHA-1, 6 digits, 30 s) of operators' authenticator apps.</summary>
internal static class Authenticator
{
    public const string Issuer = "IvrActors";

    // RFC 4226 section 4, R6: 160 bits are recommended.
    private const int KeyBytes = 20;

    // One step of delay and none ahead (RFC 6238 section 5.2, SP 800-63B-4 3.1.4).
    private static readonly VerificationWindow s_window = new(previous: 1, future: 0);

    /// <summary>A new random key in base 32.</summary>
    public static string NewKey() => Base32Encoding.ToString(KeyGeneration.GenerateRandomKey(KeyBytes));

    /// <summary>The time step that the code belongs to, or null when it is wrong.</summary>
    public static long? StepOf(string key, string code, DateTimeOffset now)
    {
        var digits = code.Replace(" ", "", StringComparison.Ordinal);
        if (digits.Length != 6 || !digits.All(char.IsAsciiDigit)) return null;
        return new Totp(Base32Encoding.ToBytes(key)).VerifyTotp(now.UtcDateTime, digits, out var step, s_window) ? step : null;
    }

    /// <summary>The key in groups of four, for typing by hand.</summary>
    public static string Grouped(string key) => string.Join(' ', key.Chunk(4).Select(group => new string(group)));

    /// <summary>The side of the QR code in modules, quiet zone included, and its dark modules as the data of one SVG path.</summary>
    public static (int Side, string Path) Qr(string userName, string key)
    {
        var uri = $"otpauth://totp/{Issuer}:{WebUtility.UrlEncode(userName)}?secret={key}&issuer={Issuer}&algorithm=SHA1&digits=6&period=30";
        using var generator = new QRCodeGenerator();
        using var code = generator.CreateQrCode(uri, QRCodeGenerator.ECCLevel.M);
        var rows = code.ModuleMatrix;
        var path = new System.Text.StringBuilder();
        for (var y = 0; y < rows.Count; y++)
        {
            for (var x = 0; x < rows[y].Length; x++)
            {
                if (rows[y][x]) path.Append(CultureInfo.InvariantCulture, $"M{x} {y}h1v1h-1z");
            }
        }
        return (rows.Count, path.ToString());
    }
}
