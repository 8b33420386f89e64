using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge;

/// <summary>One entry of a trunk's allow list: a prefix of E.164 numbers (<c>+49</c>) or a SIP address (<c>sip:agent@pbx.example</c>, <c>sip:*@pbx.example</c>).</summary>
public sealed class DestinationRule
{
    /// <summary>E.164 has 15 digits.</summary>
    private const int MostDigits = 15;

    private const string AnyUser = "*";

    private readonly string _text;
    private readonly SipUri? _uri;

    private DestinationRule(string text, SipUri? uri) => (_text, _uri) = (text, uri);

    /// <summary>Of numbers; null for an address.</summary>
    public string? Prefix => _uri is null ? _text : null;

    /// <summary>Reads an entry; null when it is neither form.</summary>
    public static DestinationRule? Parse(string text)
    {
        if (text.StartsWith('+'))
            return text.Length is > 1 and <= MostDigits + 1 && text.AsSpan(1).ContainsAnyExceptInRange('0', '9') == false ? new DestinationRule(text, null) : null;
        return SipUri.TryParse(text, out var uri) && uri is { IsSip: true, User: not null, HasHeaders: false } ? new DestinationRule(text, uri) : null;
    }

    /// <summary>Whether a number in E.164 with its plus sign is allowed. What is not E.164 never is.</summary>
    public bool AllowsNumber(string number) => _uri is null && number.StartsWith(_text, StringComparison.Ordinal) && number.Length <= MostDigits + 1
        && !number.AsSpan(1).ContainsAnyExceptInRange('0', '9');

    /// <summary>Whether an address is allowed: scheme, user, host and port must be those of the entry.</summary>
    public bool AllowsAddress(SipUri target) => _uri is not null && target.IsSip && target.Scheme == _uri.Scheme && target.Port == _uri.Port
        && target.Host.Equals(_uri.Host, StringComparison.OrdinalIgnoreCase) && target.User is { } user && (_uri.User == AnyUser || _uri.User == user);

    public override string ToString() => _text;
}
