using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>
/// One caller identity (an account), keyed by <see cref="CallerKey"/>. An account that was never enrolled answers like one whose
/// factor was wrong: same result, same writes, same work.
/// </summary>
[Alias("ivr.ICallerGrain")]
public interface ICallerGrain : IGrainWithStringKey
{
    /// <summary>Reserves an attempt (persisted), verifies, persists the outcome, audits, and only then answers.</summary>
    [Alias("Verify")]
    Task<FactorResult> Verify(FactorAttempt attempt);

    /// <summary>What a proof of this call comes to, and what to ask for next: as <see cref="Verify"/> answers, without anything being verified. Refused: it is no proof any more.</summary>
    [Alias("Assess")]
    Task<FactorResult> Assess(AssuranceRequest request);

    /// <summary>Sends what a factor needs before it can be asked for. Only after the PIN of the same call; never touches the count of failures.</summary>
    [Alias("Begin")]
    Task<FactorBegun> Begin(FactorBegin begin);

    /// <summary>What the flow may say to this caller; empty unless the proof was made here for this caller, holds still, and comes to the assurance that is wanted.</summary>
    [Alias("ReadFacts")]
    Task<CallerFacts> ReadFacts(FactsRequest request);

    /// <summary>Replaces the PIN by one that the caller keyed twice. Takes a proof of this call that comes to <see cref="Assurance.High"/>, or the expired PIN of this call.</summary>
    [Alias("ChangePin")]
    Task<PinChangeResult> ChangePin(PinChange change);

    /// <summary>
    /// Hands out the registered number, to be called back once: only on a proof of this caller's PIN in a call that goes on, only so often in an hour, and recorded.
    /// </summary>
    /// <param name="callBack">Id of the call to be made: the same again is the same order.</param>
    [Alias("OrderCallBack")]
    Task<CallBackOrder> OrderCallBack(VerifiedCaller proof, CallId callBack);

    /// <summary>Creates or replaces the caller's factors and facts.</summary>
    [Requires(Permission.EnrolCallers), Alias("Enrol")]
    Task<EnrolmentResult> Enrol(CallerEnrolment enrolment);

    /// <summary>Binds some factors anew and leaves the others and the facts as they are; lifts locks and disablement.</summary>
    [Requires(Permission.RebindCallers), Alias("Rebind")]
    Task<EnrolmentResult> Rebind(CallerRebinding rebinding);

    /// <summary>Makes new recovery codes; those of before are worth nothing from then on.</summary>
    [Requires(Permission.RebindCallers), Alias("MakeRecoveryCodes")]
    Task<RecoveryCodesResult> MakeRecoveryCodes(RecoveryCodesRequest request);

    /// <summary>Makes the secret of a link by which the caller registers one device, once and within a day. It replaces the one of before.</summary>
    [Requires(Permission.RebindCallers), Alias("MakeDeviceLink")]
    Task<DeviceLink> MakeDeviceLink(string tenant);

    /// <summary>PublicKeyCredentialCreationOptionsJSON (WebAuthn 5.4) for the device; null: the link is nobody's, or was used, or is too old.</summary>
    [Requires(Permission.ServeDevices), Alias("BeginDevice")]
    Task<string?> BeginDevice(PageSecret link);

    /// <summary>Registers the device and uses the link up. The secret with which its page asks from then on; null: the answer is not right.</summary>
    [Requires(Permission.ServeDevices), Alias("RegisterDevice")]
    Task<PageSecret?> RegisterDevice(DeviceRegistration registration);

    /// <summary>The call that waits for this device, or null.</summary>
    [Requires(Permission.ServeDevices), Alias("LookForCall")]
    Task<ApprovalQuestion?> LookForCall(PageSecret page);

    /// <summary>Answers for the call that waits. The number that the caller is to key in; null: denied, not right, or too late.</summary>
    [Requires(Permission.ServeDevices), Alias("AnswerForCall")]
    Task<PageSecret?> AnswerForCall(ApprovalAnswer answer);

    /// <summary>Destroys what is kept of this caller: factors and facts, and the keys of recordings, also of those under the number that was enrolled.</summary>
    [Requires(Permission.EraseCallers), Alias("Erase")]
    Task<ErasureResult> Erase(string tenant);
}

[GenerateSerializer, Immutable, Alias("ivr.ErasureResult")]
public sealed class ErasureResult
{
    /// <summary>Null when erased; otherwise why not.</summary>
    [Id(0)] public string? Error { get; init; }
}
