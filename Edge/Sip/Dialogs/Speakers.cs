using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Who may speak in a dialog or transaction that another message began.</summary>
internal static class Speakers
{
    /// <summary>
    /// Only the same trunk, or who proves without a password all that it is known by: two trunks may be accounts at one carrier, and the network names one of them.
    /// What began over TLS stays there: our SRTP key in an answer must not leave in clear.
    /// </summary>
    public static bool MaySpeakFor(SipPeer known, SipPeer peer) =>
        (known.Entry == peer.Entry || (known.Entry.Digest is null && known.Entry.Fits(peer))) && (!known.IsSecure || peer.IsSecure);

    /// <summary>Where we went ourselves, the address counts too: trunks may share one, and which of them the network would name is not what we dialled.</summary>
    public static bool MayAnswerFor(SipPeer hop, SipPeer peer) =>
        (hop.Entry == peer.Entry || hop.EndPoint.Address.Equals(peer.EndPoint.Address)) && (!hop.IsSecure || peer.IsSecure);
}
