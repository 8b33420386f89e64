using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>An INVITE that wants the place of a call (RFC 3891 3).</summary>
internal static class Replacement
{
    /// <summary>The call, or null: then <paramref name="refusal"/> is the status owed, 0 for an INVITE that replaces nothing.</summary>
    public static SipCall? Find(SipRequest invite, SipPeer peer, CallTable calls, out int refusal)
    {
        refusal = 0;
        string[] values = [.. invite.Headers.All(ReplacesHeader.Name)];
        if (values.Length == 0) return null;
        if (values.Length > 1 || !ReplacesHeader.TryParse(values[0], out var header)) refusal = 400;
        // Of another trunk: as if there were none. An early dialog that the peer began cannot be replaced.
        else if (!calls.TryFind(new DialogId(header.CallId, header.LocalTag, header.RemoteTag), out var call) || call.Peer.Trunk != peer.Trunk
            || !Speakers.MaySpeakFor(call.Peer, peer) || call.State == SipCallState.Offered) refusal = 481;
        else if (call.State == SipCallState.Ending) refusal = 603;
        else if (header.EarlyOnly && call.State == SipCallState.Answered) refusal = 486;
        else if (!call.TakesReplacement) refusal = 403;
        else return call;
        return null;
    }
}
