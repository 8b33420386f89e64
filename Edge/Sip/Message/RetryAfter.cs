namespace IvrActors.Edge.Sip.Message;

/// <summary>Retry-After (RFC 3261 20.33): seconds, then perhaps a comment and parameters, which are not looked at.</summary>
public static class RetryAfter
{
    /// <summary>What is believed of a peer at most: it must not talk a route out of use for a day.</summary>
    public const int MostSeconds = 300;

    /// <summary>Seconds from 0 to <see cref="MostSeconds"/>; null when the header is absent or says nothing.</summary>
    public static int? Read(SipMessage message)
    {
        var value = message.Headers.First("Retry-After").AsSpan();
        var end = value.IndexOfAny(" \t;(");
        return SipGrammar.Number(end < 0 ? value : value[..end]) is { } seconds ? (int)Math.Min(seconds, MostSeconds) : null;
    }
}
