using IvrActors.Edge.Net;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Trunks;

/// <summary>Stands before the guard that asks for passwords: scanners and floods of REGISTER get nothing, and what only a scanner does counts against its source.</summary>
internal sealed class SourceGuard(IRequestGuard inner, ISourceReputation reputation) : IRequestGuard
{
    /// <summary>REGISTERs of one source: a site with 400 phones after a power cut, then as many as 1,200 phones send that refresh each minute.</summary>
    internal static readonly RateLimit Registers = new(20, TimeSpan.FromSeconds(1), 400);

    private readonly SourceLimiter _registers = new(Registers);

    public GuardDecision Decide(long now, SipRequest request, SipPeer peer)
    {
        var source = peer.EndPoint.Address;
        // It came in before the block began and waited since: a burst of guesses gets no more of them judged than guesses one by one.
        if (reputation.IsBlocked(source))
        {
            SipMetrics.Blocked.Inc();
            return GuardDecision.Drop;
        }
        if (ScannerSigns.IsIn(request))
        {
            reputation.Offend(source, SourceOffence.Scanner, peer.Reliable);
            return GuardDecision.Drop;
        }
        if (request.Method == SipMethods.Register && !_registers.Allow(now, SourceAddress.Of(peer.EndPoint).Prefix))
        {
            reputation.Offend(source, SourceOffence.RegisterFlood, peer.Reliable);
            return GuardDecision.Drop;
        }
        if (request.To.Tag is not null || request.Method == SipMethods.Cancel) reputation.Offend(source, SourceOffence.ForgedInDialog, peer.Reliable);
        var decision = inner.Decide(now, request, peer);
        if (decision is { Verdict: GuardVerdict.Refuse, Response.Status: 401 }) reputation.Challenged(source, UserOf(request), peer.Reliable);
        return decision;
    }

    /// <summary>Whom it is about: of a REGISTER the account, of others who is called.</summary>
    private static string UserOf(SipRequest request) =>
        (request.Method == SipMethods.Register ? request.To.Uri : request.RequestUri) is { IsSip: true, User: { } user } ? user : "";
}
