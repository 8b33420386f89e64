using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Calls;

/// <summary>Asks the grain of the caller for a call. What fails is unavailable, and what comes back about another caller or call counts for nothing.</summary>
internal sealed partial class CallerDesk(IClusterKeys keys, IGrainFactory grains, RecordingPermits recordings, TimeSpan floor, TimeProvider time, ILogger log)
{
    private static readonly FactorResult s_unavailable = new() { Outcome = FactorOutcome.Unavailable };

    /// <summary>The language of what is sent: the only one of version 1 of the flow language.</summary>
    private const string Language = "en";

    /// <summary>
    /// Answers at whole multiples of the floor, so that the work does not tell what came of it. The wait is the call's: in the caller's grain whoever tries in parallel would
    /// keep its owner waiting.
    /// </summary>
    public async Task<FactorResult> Verify(CallState state, CallId call, VerifyFactor verify)
    {
        var started = time.GetTimestamp();
        var result = await Check(state, call, verify);
        var rest = AnswerTime.Rest(floor, time.GetElapsedTime(started));
        if (rest > TimeSpan.Zero) await Task.Delay(rest, time);
        return result;
    }

    private Task<FactorResult> Check(CallState state, CallId call, VerifyFactor verify)
    {
        var caller = CallerKey.ForAccount(keys.PseudonymKey(state.Tenant), state.Tenant, verify.Account.Reveal());
        return Checked(state, call, caller, grain => grain.Verify(new FactorAttempt
        {
            Call = call,
            Seq = verify.Secret.Seq,
            Tenant = state.Tenant,
            Factor = verify.Factor,
            Digits = verify.Secret.Sealed,
            Purpose = verify.Purpose,
            Origin = state.Origin,
            Before = verify.Before,
            From = state.From,
            Wanted = verify.Wanted,
            Risk = state.Risk,
        }));
    }

    public Task<FactorResult> Assess(CallState state, CallId call, AssessProof assess) => Checked(state, call, assess.Proof.Caller, grain => grain.Assess(new AssuranceRequest
    {
        Tenant = state.Tenant,
        Proof = assess.Proof,
        Wanted = assess.Wanted,
        From = state.From,
    }));

    public async Task<BeginOutcome> Begin(CallState state, CallId call, int seq, BeginFactor begin)
    {
        try
        {
            var begun = await grains.Grain<ICallerGrain>(begin.Proof.Caller.Value).Begin(new FactorBegin
            {
                Call = call,
                Seq = seq,
                Tenant = state.Tenant,
                Factor = begin.Factor,
                Proof = begin.Proof,
                Origin = state.Origin,
                From = state.From,
                Language = Language,
            });
            return begun.Outcome;
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            LogFailed(nameof(Begin), e.GetType().Name);
            return BeginOutcome.Unavailable;
        }
    }

    public async Task<PinChangeResult> ChangePin(CallState state, CallId call, int seq, ChangePin change)
    {
        try
        {
            var result = await grains.Grain<ICallerGrain>(change.Proof.Caller.Value).ChangePin(new PinChange
            {
                Call = call,
                Seq = seq,
                Tenant = state.Tenant,
                First = change.First.Sealed,
                FirstPurpose = change.FirstPurpose,
                Second = change.Second.Sealed,
                SecondPurpose = change.SecondPurpose,
                Proof = change.Proof,
                Origin = state.Origin,
            });
            return result.Proof is { } proof && !IsOf(proof, call, change.Proof.Caller) ? new PinChangeResult { Outcome = PinChangeOutcome.Unavailable } : result;
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            LogFailed(nameof(ChangePin), e.GetType().Name);
            return new PinChangeResult { Outcome = PinChangeOutcome.Unavailable };
        }
    }

    public async Task<CallerFacts?> Fetch(FetchFacts fetch)
    {
        try
        {
            return await grains.Grain<ICallerGrain>(fetch.Proof.Caller.Value).ReadFacts(new FactsRequest { Proof = fetch.Proof, Wanted = fetch.Wanted });
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            LogFailed(nameof(Fetch), e.GetType().Name);
            return null;
        }
    }

    /// <summary>Once it is known who is calling, what was recorded so far belongs to them, too: where that cannot be noted, nothing was verified.</summary>
    private async Task<FactorResult> Checked(CallState state, CallId call, CallerKey caller, Func<ICallerGrain, Task<FactorResult>> ask)
    {
        try
        {
            var result = await ask(grains.Grain<ICallerGrain>(caller.Value));
            if (result.Proof is { } proof && !IsOf(proof, call, caller)) return s_unavailable;
            return result.Proof is null || await recordings.Bind(state, caller) ? result : s_unavailable;
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            LogFailed("check of a factor", e.GetType().Name);
            return s_unavailable;
        }
    }

    private static bool IsOf(VerifiedCaller proof, CallId call, CallerKey caller) => proof.Call == call && proof.Caller == caller;

    [LoggerMessage(LogLevel.Error, "A caller could not be asked for: {What} failed with {Error}")]
    private partial void LogFailed(string what, string error);
}
