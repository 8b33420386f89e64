using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Whoever waits for what becomes of a client transaction.</summary>
internal interface IResponseUser
{
    /// <summary>A response, provisional or final.</summary>
    void Responded(long now, Transaction transaction, SipResponse response);

    /// <summary>No final response will come: 408 for a time-out, 503 for a transport that failed (RFC 3261 8.1.3.1).</summary>
    void Failed(long now, Transaction transaction, int status);
}
