using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The caller answered at the number that is registered, because we called it. Not asked for: it joins the proof of a right PIN, so that whoever merely picks the telephone up is nobody.
/// Replay: the call grain says which number was called, from its ticket, of this very call; the next call is another one.
/// </summary>
internal sealed class CallBackFactor(IClusterKeys keys) : IFactor
{
    /// <summary>A number that somebody has just put in place of another is not called yet: its owner may not know of it.</summary>
    public static readonly TimeSpan CoolDown = TimeSpan.FromHours(24);

    public FactorKind Kind => FactorKind.CallBack;

    public bool IsSilent => true;

    public bool IsEnrolled(CallerState caller) => caller.Number is not null;

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits) =>
        context.From is { CalledBack: { } called } && caller is { Number: { } registered } && called == CallOrigins.KeyOf(registered, caller.Tenant, keys.PseudonymKey(caller.Tenant))
            ? new FactorCheck(true)
            : FactorCheck.Refused;

    /// <summary>Whether the registered number may be called now.</summary>
    public static bool MayBeCalled(CallerState caller, DateTimeOffset now) => caller.Number is not null && now >= caller.NumberFrom && (caller.Until is null || now < caller.Until);
}
