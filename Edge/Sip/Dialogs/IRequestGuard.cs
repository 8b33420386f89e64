using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Decides who may send a request outside of dialogs, before anything else is done for it: digest of a trunk, stealth, scanners.</summary>
public interface IRequestGuard
{
    /// <param name="now">Ticks of 100 ns.</param>
    GuardDecision Decide(long now, SipRequest request, SipPeer peer);
}

public enum GuardVerdict
{
    /// <summary>Serve it, as a request of <see cref="GuardDecision.Trunk"/>.</summary>
    Allow,

    /// <summary>No answer at all, and no transaction.</summary>
    Drop,

    /// <summary>Answer with <see cref="GuardDecision.Response"/>: a challenge or a refusal.</summary>
    Refuse,
}

/// <param name="Trunk">Who the sender turned out to be, when allowed.</param>
/// <param name="Response">What to answer, when refused; its To tag is set.</param>
public readonly record struct GuardDecision(GuardVerdict Verdict, EdgeTrunk? Trunk, SipResponse? Response)
{
    public static readonly GuardDecision Drop = new(GuardVerdict.Drop, null, null);

    public static GuardDecision Allow(EdgeTrunk trunk) => new(GuardVerdict.Allow, trunk, null);

    public static GuardDecision Refuse(SipResponse response) => new(GuardVerdict.Refuse, null, response);
}
