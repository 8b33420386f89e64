using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Dashboard.Operators;

/// <summary>One-time codes that stand in for the authenticator app: 79 random bits each, kept as SHA-256 (they are no guessable secret).</summary>
internal static class RecoveryCodes
{
    public const int Count = 10;

    // Without 0/O, 1/I/L: read from paper, typed by hand.
    private const string Alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    private const int Groups = 4;
    private const int GroupLength = 4;

    public static List<string> Create() => [.. Enumerable.Range(0, Count).Select(_ => CreateOne())];

    public static string Hash(string code) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Normalize(code))));

    /// <summary>Whether the text can be a recovery code and not a code of the app.</summary>
    public static bool LooksLikeOne(string text) => Normalize(text).Length == Groups * GroupLength;

    private static string Normalize(string code) => new([.. code.Where(c => Alphabet.Contains(char.ToUpperInvariant(c), StringComparison.Ordinal)).Select(char.ToUpperInvariant)]);

    private static string CreateOne() =>
        string.Join('-', Enumerable.Range(0, Groups).Select(_ => RandomNumberGenerator.GetString(Alphabet, GroupLength)));
}
