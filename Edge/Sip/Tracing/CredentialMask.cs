using System.Text;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>Challenges and answers (RFC 3261 22): which realm, which algorithm, and that something stood in the other fields.</summary>
internal static class CredentialMask
{
    private const int MostRealm = 64;

    /// <summary>Shown masked where they stand. The user name is one of a person or of an account; a nonce and an answer are what a word list is tried against.</summary>
    private static readonly string[] s_masked = ["username", "nonce", "response", "cnonce", "opaque", "nextnonce", "rspauth"];

    public static string Of(string value, NumberSweep sweep)
    {
        if (DigestFields.Read(value) is not { } fields) return MaskText.Masked;
        var result = new StringBuilder("Digest ");
        if (fields["realm"] is { } realm) Append(result, "realm", DigestFields.Quote(IsRealm(realm) ? realm : MaskText.Masked));
        foreach (var name in s_masked)
        {
            if (fields[name] is not { } text) continue;
            sweep.Learn(text);
            Append(result, name, $"\"{MaskText.Masked}\"");
        }
        if (fields["uri"] is { } uri) Append(result, "uri", $"\"{(SipUri.TryParse(uri, out var parsed) ? UriMask.Uri(parsed, sweep) : MaskText.Masked)}\"");
        if (fields["algorithm"] is { } algorithm && MaskText.IsWord(algorithm)) Append(result, "algorithm", algorithm);
        if (fields["qop"] is { } qop && qop.Split(',').All(option => MaskText.IsWord(option.Trim()))) Append(result, "qop", DigestFields.Quote(qop));
        if (fields["nc"] is { Length: 8 } count && count.All(char.IsAsciiHexDigit)) Append(result, "nc", count);
        if (fields["stale"] is { } stale && bool.TryParse(stale, out _)) Append(result, "stale", stale.ToLowerInvariant());
        return result.ToString();
    }

    /// <summary>A domain, as it should be (RFC 3261 22.1), or a name of a few words' length.</summary>
    private static bool IsRealm(string realm) => realm.Length <= MostRealm && (MaskText.IsAddress(realm) || realm.Split('.').All(label => MaskText.IsWord(label)));

    private static void Append(StringBuilder result, string name, string value)
    {
        if (result[^1] != ' ') result.Append(", ");
        result.Append(name).Append('=').Append(value);
    }
}
