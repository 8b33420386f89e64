using System.Net;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Stir;

/// <summary>What of an INVITE its identity is checked with: copied, so that it can be looked at off the signalling thread.</summary>
internal sealed class StirRequest
{
    public required IReadOnlyList<string> Identities { get; init; }

    /// <summary>Who calls, by the signalling: what is signed must say the same (RFC 8224 6.2, step 2).</summary>
    public required StirParty Origin { get; init; }

    /// <summary>From, of which a PASSporT in compact form is made again.</summary>
    public required StirParty From { get; init; }

    public required StirParty To { get; init; }

    /// <summary>Whom the call reached: the Request-URI.</summary>
    public required StirParty Called { get; init; }
    public required string CallId { get; init; }

    /// <summary>Trunk, source and From tag: who copies a Call-ID along with a PASSporT sends it from elsewhere, or sends another call.</summary>
    public string Sender { get; init; } = "";

    /// <summary>Null when there is none, or it is none.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>Numbers of ours: a call to one of them in To is for us also where the Request-URI shows no number.</summary>
    public IReadOnlyCollection<string> OwnNumbers { get; init; } = [];

    /// <param name="source">Address that the INVITE came from.</param>
    /// <param name="calling">Digits of the calling number as they are believed of this trunk; null when there is none.</param>
    public static StirRequest Of(SipRequest invite, EdgeTrunk trunk, IPAddress source, string? calling) => new()
    {
        Identities = [.. invite.Headers.All("Identity").Take(StirLimits.Headers)],
        Origin = calling is null ? StirParty.Of(invite.From.Uri, trunk.Region) : StirParty.OfNumber(calling, trunk.Region),
        From = StirParty.Of(invite.From.Uri, trunk.Region),
        To = StirParty.Of(invite.To.Uri, trunk.Region),
        Called = StirParty.Of(invite.RequestUri, trunk.Region),
        CallId = invite.CallId,
        Sender = $"{trunk.Name}\n{SourcePrefix.Of(source)}\n{invite.From.Tag}",
        Date = invite.Headers.First(SipHeaderNames.Date) is { } text && SipDate.TryParse(text, out var date) ? date : null,
        OwnNumbers = trunk.Stir.Numbers,
    };
}
