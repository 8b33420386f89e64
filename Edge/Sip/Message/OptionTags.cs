namespace IvrActors.Edge.Sip.Message;

/// <summary>Option tags that this user agent knows, and headers that list tags or methods (RFC 3261 20.32, 20.37, 20.5).</summary>
public static class OptionTags
{
    public const string Reliable = "100rel";
    public const string Timer = "timer";
    public const string Replaces = "replaces";
    public const string NoReferSub = "norefersub";

    /// <summary>All of them, as Supported lists them.</summary>
    public const string All = $"{Reliable}, {Timer}, {Replaces}, {NoReferSub}";

    /// <summary>Whether one of the headers of that name lists the word; tags compare without case.</summary>
    public static bool Lists(this SipMessage message, string header, string word)
    {
        foreach (var value in message.Headers.All(header))
        {
            var text = value.AsSpan();
            foreach (var range in text.Split(','))
            {
                if (text[range].Trim(" \t").Equals(word, StringComparison.OrdinalIgnoreCase)) return true;
            }
        }
        return false;
    }
}
