namespace IvrActors.Edge.Sip.Message;

/// <summary>Who refreshes a session (RFC 4028 3), from the point of view of one request and its response.</summary>
public enum Refresher
{
    Unsaid,

    /// <summary>Who sent the request.</summary>
    Uac,

    /// <summary>Who answered it.</summary>
    Uas,
}

/// <summary>Session-Expires and Min-SE (RFC 4028 4, 5).</summary>
/// <param name="Seconds">Of a session without refresh.</param>
public readonly record struct SessionExpires(uint Seconds, Refresher Refresher)
{
    public const string Name = "Session-Expires";
    public const string MinimumName = "Min-SE";

    /// <summary>What is assumed where no Min-SE stands, and the least that one may say.</summary>
    public const uint LeastMinimum = 90;

    /// <summary>Null when the header is absent or malformed.</summary>
    public static SessionExpires? Read(SipMessage message)
    {
        if (message.Headers.First(Name) is not { } value || Delta(value) is not { } seconds) return null;
        var parameters = value.AsSpan();
        foreach (var range in parameters.Split(';'))
        {
            var parameter = parameters[range].Trim(" \t");
            if (!parameter.StartsWith("refresher", StringComparison.OrdinalIgnoreCase)) continue;
            var who = parameter["refresher".Length..].TrimStart(" \t=");
            if (who.Equals("uac", StringComparison.OrdinalIgnoreCase)) return new(seconds, Refresher.Uac);
            if (who.Equals("uas", StringComparison.OrdinalIgnoreCase)) return new(seconds, Refresher.Uas);
        }
        return new(seconds, Refresher.Unsaid);
    }

    /// <summary>The least interval that the sender takes.</summary>
    public static uint Minimum(SipMessage message) =>
        message.Headers.First(MinimumName) is { } value && Delta(value) is { } seconds ? Math.Max(seconds, LeastMinimum) : LeastMinimum;

    public override string ToString() => Refresher switch
    {
        Refresher.Uac => FormattableString.Invariant($"{Seconds};refresher=uac"),
        Refresher.Uas => FormattableString.Invariant($"{Seconds};refresher=uas"),
        _ => FormattableString.Invariant($"{Seconds}"),
    };

    private static uint? Delta(ReadOnlySpan<char> value)
    {
        var end = value.IndexOf(';');
        return SipGrammar.Number((end < 0 ? value : value[..end]).Trim(" \t"));
    }
}
