using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Answers a method outside of dialogs that the user agent itself does not: REGISTER of a registrar, OPTIONS with load and drain.</summary>
public interface IRequestServer
{
    /// <summary>The answer to a request that the guard allowed.</summary>
    SipResponse Answer(long now, SipRequest request, SipPeer peer);
}
