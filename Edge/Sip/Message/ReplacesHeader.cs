using System.Diagnostics.CodeAnalysis;

namespace IvrActors.Edge.Sip.Message;

/// <summary>The dialog that an INVITE is to take the place of (RFC 3891 6.1), as its receiver knows it.</summary>
/// <param name="LocalTag">to-tag.</param>
/// <param name="RemoteTag">from-tag; "0" of a peer of RFC 2543 is read as none.</param>
public sealed record ReplacesHeader(string CallId, string LocalTag, string RemoteTag, bool EarlyOnly)
{
    public const string Name = "Replaces";

    public static bool TryParse(string value, [NotNullWhen(true)] out ReplacesHeader? header)
    {
        header = null;
        var parts = value.Split(';', StringSplitOptions.TrimEntries);
        string? to = null, from = null;
        var earlyOnly = false;
        foreach (var part in parts.Skip(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? part : part[..equals]).Trim();
            var text = equals < 0 ? "" : part[(equals + 1)..].Trim();
            if (name.Equals("to-tag", StringComparison.OrdinalIgnoreCase)) to = text;
            else if (name.Equals("from-tag", StringComparison.OrdinalIgnoreCase)) from = text;
            else if (name.Equals("early-only", StringComparison.OrdinalIgnoreCase)) earlyOnly = true;
        }
        if (!SipReader.IsCallId(parts[0]) || !SipGrammar.IsToken(to) || !SipGrammar.IsToken(from)) return false;
        header = new ReplacesHeader(parts[0], to!, from == "0" ? "" : from!, earlyOnly);
        return true;
    }

    /// <summary>As a header inside the URI of Refer-To (RFC 3261 19.1.1): all but letters, digits and a few marks escaped.</summary>
    public string ToUriHeader() => "Replaces=" + Uri.EscapeDataString($"{CallId};to-tag={LocalTag};from-tag={RemoteTag}");
}
