namespace IvrActors.Edge.Sip.Message;

/// <summary>What a caller wants hidden (RFC 3323 4.2, RFC 3325 9.3).</summary>
[Flags]
public enum Privacy
{
    None = 0,
    Header = 1,
    Session = 2,
    User = 4,
    Id = 8,
    History = 16,
    Critical = 32,
}

/// <summary>
/// Who calls and how the call came here, as an INVITE says it: P-Asserted-Identity (RFC 3325), Privacy (RFC 3323), Diversion (RFC 5806) and
/// History-Info (RFC 7044). All of it is believed only of a trunk that is trusted with it.
/// </summary>
public sealed class CallerIdentity
{
    private static readonly NameAddress[] s_none = [];

    private CallerIdentity(NameAddress from, Privacy privacy)
    {
        From = from;
        Privacy = privacy;
    }

    public NameAddress From { get; }

    public Privacy Privacy { get; }

    /// <summary>A sip and perhaps a tel URI; empty of a trunk that is not trusted.</summary>
    public IReadOnlyList<NameAddress> Asserted { get; private init; } = s_none;

    /// <summary>Who sent the call on, the last first (Diversion).</summary>
    public IReadOnlyList<NameAddress> Diversions { get; private init; } = s_none;

    /// <summary>Whom the call was meant for, the first first (History-Info).</summary>
    public IReadOnlyList<NameAddress> History { get; private init; } = s_none;

    /// <summary>Whether the caller is not to be shown to those it is passed on to.</summary>
    public bool IsHidden => Hides(Privacy);

    /// <summary>From of somebody who is not to be known (RFC 3323 4.1.1.3).</summary>
    public const string Anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

    public static CallerIdentity Read(SipRequest invite, bool trusted) => new(invite.From, PrivacyOf(invite))
    {
        Asserted = trusted ? List(invite, "P-Asserted-Identity") : s_none,
        Diversions = trusted ? List(invite, "Diversion") : s_none,
        History = trusted ? List(invite, "History-Info") : s_none,
    };

    /// <summary>
    /// What an outbound leg may say of this caller: From, and headers. A hidden caller is anonymous in From (RFC 3323 4.1.1.3); who it is goes only to a
    /// trusted hop, which hides it in turn (RFC 3325 7).
    /// </summary>
    /// <param name="host">Ours, for the URI in From.</param>
    public (string From, IReadOnlyList<KeyValuePair<string, string>> Headers) ForOutboundLeg(string number, string host, bool nextIsTrusted) =>
        ForOutboundLeg(Privacy, number, host, nextIsTrusted);

    /// <summary>As above, where of the caller only this is known.</summary>
    public static (string From, IReadOnlyList<KeyValuePair<string, string>> Headers) ForOutboundLeg(Privacy privacy, string number, string host, bool nextIsTrusted)
    {
        List<KeyValuePair<string, string>> headers = [];
        var own = $"<sip:{Uri.EscapeDataString(number).Replace("%2B", "+", StringComparison.Ordinal)}@{host}>";
        if (nextIsTrusted) headers.Add(new("P-Asserted-Identity", own));
        if (!Hides(privacy)) return (own, headers);
        headers.Add(new("Privacy", (privacy & Privacy.Critical) != 0 ? "id;critical" : "id"));
        return (Anonymous, headers);
    }

    private static bool Hides(Privacy privacy) => (privacy & (Privacy.Id | Privacy.User | Privacy.Header)) != 0;

    /// <summary>What a caller wants hidden.</summary>
    public static Privacy PrivacyOf(SipRequest invite)
    {
        var privacy = Privacy.None;
        foreach (var value in invite.Headers.All("Privacy"))
        {
            foreach (var token in value.Split([';', ','], StringSplitOptions.TrimEntries))
            {
                privacy |= token.ToLowerInvariant() switch
                {
                    "header" => Privacy.Header,
                    "session" => Privacy.Session,
                    "user" => Privacy.User,
                    "id" => Privacy.Id,
                    "history" => Privacy.History,
                    "critical" => Privacy.Critical,
                    _ => Privacy.None,
                };
            }
        }
        return privacy;
    }

    /// <summary>All well-formed values, up to the parser's bound of a list; a malformed one ends the reading of its header.</summary>
    private static List<NameAddress> List(SipRequest invite, string name)
    {
        List<NameAddress> addresses = [];
        foreach (var value in invite.Headers.All(name))
        {
            var cursor = new SipCursor(value, 0, value.Length);
            while (addresses.Count < SipLimits.ListValues && NameAddress.TryTake(ref cursor, out var address))
            {
                addresses.Add(address);
                if (!cursor.TakeSeparator(',')) break;
            }
        }
        return addresses;
    }
}
