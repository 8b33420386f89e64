using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>
/// What lets one call of the dashboard's phone page in: a user name that says until when, and the password that HMAC-SHA-256 makes of it under a key of the cluster.
/// An edge that holds the key finds the password by itself, so that nothing is stored and nobody types one.
/// </summary>
public sealed class PhonePass
{
    /// <summary>From the grant of the microphone to the second INVITE: a connection and two round trips.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    private const string Prefix = "web-";
    private const int SecondsLength = 8;
    private const int IdBytes = 16;
    private const int UserLength = 4 + SecondsLength + 1 + (2 * IdBytes);

    private PhonePass(string user, Secret<char> password) => (User, Password) = (user, password);

    /// <summary><c>web-</c>, the Unix second at which it ends and 128 random bits, both in hex.</summary>
    public string User { get; }

    public Secret<char> Password { get; }

    public static PhonePass Make(ReadOnlySpan<byte> key, string realm, DateTimeOffset now)
    {
        var user = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{(now + Life).ToUnixTimeSeconds():x8}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes))}");
        return new PhonePass(user, PasswordOf(key, realm, user));
    }

    /// <summary>The password of a user name that is a pass now, and the pass's random bits; null for every other name.</summary>
    public static (Secret<char> Password, UInt128 Id)? Find(ReadOnlySpan<byte> key, string realm, string user, DateTimeOffset now)
    {
        if (user.Length != UserLength || !user.StartsWith(Prefix, StringComparison.Ordinal) || user[Prefix.Length + SecondsLength] != '-') return null;
        if (!long.TryParse(user.AsSpan(Prefix.Length, SecondsLength), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var until)) return null;
        if (!UInt128.TryParse(user.AsSpan(UserLength - (2 * IdBytes)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)) return null;
        var left = until - now.ToUnixTimeSeconds();
        return left > 0 && left <= (long)Life.TotalSeconds + 1 ? (PasswordOf(key, realm, user), id) : null;
    }

    private static Secret<char> PasswordOf(ReadOnlySpan<byte> key, string realm, string user) =>
        new(Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{realm}\n{user}"))).ToCharArray());
}

/// <summary>Gives passes to the phone page. Given by the composition root.</summary>
public interface IPhonePasses
{
    /// <summary>A new pass; null when the telephone's calls are let in without one, by their address.</summary>
    PhonePass? Issue();
}
