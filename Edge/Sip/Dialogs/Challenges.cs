using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>The digest challenges that one request of ours met (RFC 3261 22.2): each kind is answered once, and again only when the nonce was stale.</summary>
internal sealed class Challenges(IChallengeResponder? responder)
{
    /// <summary>Answers in all; a server that calls every nonce stale must not keep us busy.</summary>
    private const int Most = 4;

    private readonly List<KeyValuePair<string, string>> _answers = [];
    private int _answered;

    /// <summary>Authorization and Proxy-Authorization headers for the request sent again; the ACK and CANCEL of an INVITE carry them too.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Answers => _answers;

    /// <summary>Whether this response is a challenge that was answered, so that the request is to be sent again.</summary>
    public bool TryAnswer(SipRequest request, SipResponse response, SipPeer from)
    {
        if (responder is null || response.Status is not (401 or 407) || _answered == Most) return false;
        var (challenge, credentials) = response.Status == 401 ? ("WWW-Authenticate", "Authorization") : ("Proxy-Authenticate", "Proxy-Authorization");
        var before = _answers.FindIndex(answer => answer.Key.Equals(credentials, StringComparison.OrdinalIgnoreCase));
        if (before >= 0 && !IsStale(response, challenge)) return false;
        if (!responder.TryAnswer(request, response, from, out var header)) return false;
        _answered++;
        if (before >= 0) _answers.RemoveAt(before);
        _answers.Add(header);
        return true;
    }

    private static bool IsStale(SipResponse response, string challenge)
    {
        foreach (var value in response.Headers.All(challenge))
        {
            var text = value.Replace(" ", "", StringComparison.Ordinal);
            if (text.Contains("stale=true", StringComparison.OrdinalIgnoreCase) || text.Contains("stale=\"true\"", StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}
