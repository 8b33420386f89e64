using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>
/// A request of ours inside a dialog, other than INVITE and ACK. It is sent again with credentials when challenged, and once over a new
/// connection when the stream broke; each time with the dialog's next sequence number.
/// </summary>
/// <param name="fill">Adds headers and body.</param>
/// <param name="done">Gets the final response, or null with 408 or 503.</param>
internal sealed class DialogRequest(UserAgent agent, Dialog dialog, SipPeer peer, string method, IChallengeResponder? credentials, Action<SipRequest>? fill,
    Action<long, int, SipResponse?> done) : IResponseUser
{
    private readonly Challenges _challenges = new(credentials);
    private SipRequest? _request;
    private bool _reconnected;

    public void Send(long now) => Send(now, agent.HopOf(dialog, peer));

    public void Responded(long now, Transaction transaction, SipResponse response)
    {
        if (response.Status < 200) return;
        if (_challenges.TryAnswer(_request!, response, transaction.Peer)) Send(now, transaction.Peer);
        else done(now, response.Status, response);
    }

    public void Failed(long now, Transaction transaction, int status)
    {
        if (transaction.Datagram is { } datagram)
        {
            Send(now, datagram);
        }
        else if (status == 503 && !_reconnected && agent.OtherWay(dialog, transaction.Peer) is { } hop)
        {
            _reconnected = true;
            Send(now, hop);
        }
        else
        {
            done(now, status, null);
        }
    }

    private void Send(long now, SipPeer hop)
    {
        _request = dialog.NextRequest(method, agent.ViaFor(hop), agent.ContactFor(hop, dialog.IsSecure));
        fill?.Invoke(_request);
        foreach (var header in _challenges.Answers) _request.Headers.Add(header.Key, header.Value);
        agent.SendRequest(now, ref _request, hop, this);
    }
}
