namespace IvrActors.Edge.Sip.Message;

/// <summary>Why a request was sent (RFC 3326): <c>Q.850;cause=16</c>, <c>SIP;cause=200;text="Call completed elsewhere"</c>.</summary>
/// <param name="Protocol"><c>SIP</c>, <c>Q.850</c> or another token.</param>
/// <param name="Cause">Status or ITU-T cause; null when none is given.</param>
public readonly record struct SipReason(string Protocol, int? Cause)
{
    private const string Name = "Reason";

    /// <summary>Normal call clearing.</summary>
    public static readonly SipReason NormalClearing = new("Q.850", 16);

    /// <summary>Recovery on timer expiry.</summary>
    public static readonly SipReason TimerExpired = new("Q.850", 102);

    /// <summary>Temporary failure: this server goes, and the call could be made again at another.</summary>
    public static readonly SipReason NoLongerHere = new("Q.850", 41);

    /// <summary>The first reason of a message, with Q.850 preferred since it says more; null when there is none.</summary>
    public static SipReason? Read(SipMessage message)
    {
        SipReason? first = null;
        foreach (var value in message.Headers.All(Name))
        {
            foreach (var text in value.Split(','))
            {
                if (ReadOne(text) is not { } reason) continue;
                if (reason.Protocol == "Q.850") return reason;
                first ??= reason;
            }
        }
        return first;
    }

    public void AddTo(SipMessage message) => message.Headers.Add(Name, ToString());

    public override string ToString() => Cause is { } cause ? FormattableString.Invariant($"{Protocol};cause={cause}") : Protocol;

    private static SipReason? ReadOne(ReadOnlySpan<char> text)
    {
        const int MostProtocol = 16;
        var end = text.IndexOf(';');
        var protocol = (end < 0 ? text : text[..end]).Trim(" \t");
        if (!SipGrammar.IsToken(protocol) || protocol.Length > MostProtocol) return null;
        var name = protocol.Equals("Q.850", StringComparison.OrdinalIgnoreCase) ? "Q.850" : protocol.Equals("SIP", StringComparison.OrdinalIgnoreCase) ? "SIP" : protocol.ToString();
        var at = end < 0 ? -1 : text.IndexOf("cause", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return new SipReason(name, null);
        var digits = text[(at + "cause".Length)..].TrimStart(" \t=");
        var stop = digits.IndexOfAnyExceptInRange('0', '9');
        return new SipReason(name, SipGrammar.Number(stop < 0 ? digits : digits[..stop]) is <= 699 and var cause ? (int)cause : null);
    }
}
