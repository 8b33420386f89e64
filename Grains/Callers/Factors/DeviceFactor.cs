using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// The caller approves the call with a passkey of a registered device, and keys in the number that the device shows then: who is tricked into approving a stranger's call has not let them in by it.
/// Replay: one call waits at a time, for two minutes; its challenge is signed once, and the number counts once, in that call.
/// </summary>
internal sealed class DeviceFactor(IClusterKeys keys, ClusterPolicy policy) : IBegunFactor
{
    public const int Digits = 4;

    /// <summary>The caller has the telephone at the ear and the device at hand.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(2);

    /// <summary>Questions within an hour: above it somebody else is asking, and its owner must not be worn down.</summary>
    public const int MostAnHour = 5;

    private static readonly SecretTag s_nobody = new() { Pepper = 0, Tag = RandomNumberGenerator.GetBytes(32) };

    public FactorKind Kind => FactorKind.Device;

    public bool IsEnrolled(CallerState caller) => caller.Devices.Count > 0 && policy.Devices is not null;

    public bool CanBeAsked(FactorContext context, CallerState caller) => IsEnrolled(caller) && !IsLimited(context, caller);

    public FactorStart Begin(FactorContext context, CallerState caller)
    {
        if (!IsEnrolled(caller)) return new FactorStart(BeginOutcome.Unavailable);
        if (IsLimited(context, caller)) return new FactorStart(BeginOutcome.Limited);
        var asked = new AskedApproval { Call = context.Call, Challenge = RandomNumberGenerator.GetBytes(32), At = context.Now, Expires = context.Now + Life };
        return new FactorStart(BeginOutcome.Sent, caller.With(next => (next.Approval, next.ApprovalsAsked) = (asked, [.. AskedTimes.OfTheDay(caller.ApprovalsAsked, context.Now), context.Now])));
    }

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var approval = caller?.Approval;
        var right = (approval?.Number ?? s_nobody).Matches(keys, PurposeOf(context.Call), digits);
        return right && approval is { Number: not null } && approval.Call == context.Call && context.Now < approval.Expires && IsEnrolled(caller!)
            ? new FactorCheck(true, caller!.With(next => next.Approval = null))
            : FactorCheck.Refused;
    }

    /// <summary>For what the number counts.</summary>
    public static string PurposeOf(CallId call) => "device number of " + call.Value;

    private static bool IsLimited(FactorContext context, CallerState caller) => AskedTimes.AreUsedUp(caller.ApprovalsAsked, context.Now, MostAnHour);
}
