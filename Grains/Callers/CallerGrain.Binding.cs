using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Prometheus;

namespace IvrActors.Grains.Callers;

/// <summary>What a proof opens, and what is bound to a caller: by themselves in a call, or by an operator.</summary>
internal sealed partial class CallerGrain
{
    private static readonly Counter s_begun = Metrics.CreateCounter("ivr_factors_begun_total", "Factors for which something was to be sent.", "factor", "result");

    private static readonly Counter s_pinChanges = Metrics.CreateCounter("ivr_pin_changes_total", "PINs that callers chose on the telephone.", "result");

    // What became of the last one, for a retry while this activation lives.
    private (string Id, BeginOutcome Outcome) _begun = ("", BeginOutcome.Unavailable);

    public async Task<CallerFacts> ReadFacts(FactsRequest request)
    {
        try
        {
            var state = await _row.Read();
            var wanted = request.Wanted > Assurance.Low ? request.Wanted : Assurance.Low;
            return _row.Exists && Counts(request.Proof, state, _time.GetUtcNow()) && AssuranceOf(request.Proof, request.Risk) >= wanted
                ? state.Facts
                : new CallerFacts();
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
            return new CallerFacts();
        }
    }

    public async Task<FactorResult> Assess(AssuranceRequest request)
    {
        try
        {
            var state = await _row.Read();
            var now = _time.GetUtcNow();
            return IsOf(request.Tenant, state) && Counts(request.Proof, state, now)
                ? ResultOf(request.Proof, request.Wanted, request.Risk, new FactorContext(now, request.Proof.Call, request.From), state)
                : new FactorResult { Outcome = FactorOutcome.Refused };
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
            return s_unavailable;
        }
    }

    public async Task<FactorBegun> Begin(FactorBegin begin)
    {
        var outcome = BeginOutcome.Unavailable;
        try
        {
            outcome = await TryBegin(begin);
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
        }
        s_begun.WithLabels(FactorTraits.NameOf(begin.Factor), NameOf(outcome)).Inc();
        return new FactorBegun { Outcome = outcome };
    }

    /// <summary>Remembers (durable), records, and only then sends: what was sent is known here, and a code that nobody knows of opens nothing.</summary>
    private async Task<BeginOutcome> TryBegin(FactorBegin begin)
    {
        var context = new FactorContext(_time.GetUtcNow(), begin.Call, begin.From, begin.Language);
        if (!_policy.Tenants.ContainsKey(begin.Tenant) || _factors.Find(begin.Factor) is not IBegunFactor factor) return BeginOutcome.Unavailable;
        var state = await _row.Read();
        var proof = ProofBefore(begin.Proof, begin.Call, state, context.Now);
        var id = $"{begin.Call.Value}/{begin.Seq}/{begin.Factor}";
        // Perhaps it was not sent any more; twice would be worse: the first code would be void when it comes, and each counts.
        if (proof is not null && string.Equals(state.LastBegun, id, StringComparison.Ordinal)) return _begun.Id == id ? _begun.Outcome : BeginOutcome.Sent;
        var may = IsOf(begin.Tenant, state) && FactorSet.Has(factor, state, context.Now) && MayFollow(begin.Factor, proof) && !proof!.PinExpired;
        var start = may ? factor.Begin(context, state) : new FactorStart(BeginOutcome.Unavailable);
        using var secret = start.Secret;
        if (start.Next is { } next)
        {
            next.LastBegun = id;
            await _row.Write(state = next);
        }
        await Append(begin.Tenant, new AuditEntry
        {
            Actor = _caller.Value,
            Action = "factor.begun",
            Result = start.Outcome is BeginOutcome.Sent ? AuditResult.Success : AuditResult.Denied,
            Origin = CallOrigins.NameOf(begin.Origin),
            Object = begin.Call.Value,
            Detail = $"{FactorTraits.NameOf(begin.Factor)} {NameOf(start.Outcome)} caller-v={state.Version}",
        });
        _begun = (id, start.Send is not { } send ? start.Outcome : await send(CancellationToken.None) ? BeginOutcome.Sent : BeginOutcome.Unavailable);
        return _begun.Outcome;
    }

    public async Task<PinChangeResult> ChangePin(PinChange change)
    {
        var result = new PinChangeResult { Outcome = PinChangeOutcome.Unavailable };
        try
        {
            result = await TryChange(change);
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
        }
        s_pinChanges.WithLabels(NameOf(result.Outcome)).Inc();
        return result;
    }

    private async Task<PinChangeResult> TryChange(PinChange change)
    {
        var now = _time.GetUtcNow();
        var state = await _row.Read();
        var id = $"{change.Call.Value}/{change.Seq}/pin-change";
        var (outcome, next) = (PinChangeOutcome.Refused, (CallerState?)null);
        // A retry comes with the proof from before its own change.
        var isRetry = string.Equals(state.LastAccepted, id, StringComparison.Ordinal) && CallerProof.IsGenuine(_keys.ProofKey, _caller, change.Proof, now) && change.Proof.Call == change.Call;
        if ((isRetry ? change.Proof : ProofBefore(change.Proof, change.Call, state, now)) is { } proof && IsOf(change.Tenant, state) && (isRetry || MayChange(change, proof, state, now)))
        {
            (outcome, next) = isRetry ? (PinChangeOutcome.Changed, null) : await _changes.Make(change, state, id, now);
            // Recorded first: a change that cannot be recorded does not happen.
            if (!isRetry) await AuditChange(change, outcome, next ?? state);
            if (next is not null) await _row.Write(next);
            if (outcome is not PinChangeOutcome.Changed) return new PinChangeResult { Outcome = outcome };
            var renewed = CallerProof.Make(_keys.ProofKey, _caller, change.Call, proof.Factors, now, AssuranceRules.Worse(change.Risk, proof.Risk));
            return new PinChangeResult { Outcome = outcome, Proof = renewed, Reached = AssuranceOf(renewed, renewed.Risk) };
        }
        await AuditChange(change, outcome, state);
        return new PinChangeResult { Outcome = outcome };
    }

    /// <summary>
    /// Whoever overhears a PIN must not be able to take the account with it: it takes a factor that is not the PIN, or the time at which every caller must choose another, as the
    /// stored PIN tells it, and nothing that speaks against this call.
    /// </summary>
    private bool MayChange(PinChange change, VerifiedCaller proof, CallerState state, DateTimeOffset now)
    {
        var risk = AssuranceRules.Worse(change.Risk, proof.Risk);
        return AssuranceRules.Of(proof.Factors, risk) >= Assurance.High || (proof.PinExpired && risk is RiskLevel.None && _changes.IsDue(state, now));
    }

    private Task AuditChange(PinChange change, PinChangeOutcome outcome, CallerState state) => Append(change.Tenant, new AuditEntry
    {
        Actor = _caller.Value,
        Action = "pin.changed",
        Result = outcome switch { PinChangeOutcome.Changed => AuditResult.Success, PinChangeOutcome.Refused => AuditResult.Denied, _ => AuditResult.Failure },
        Origin = CallOrigins.NameOf(change.Origin),
        Object = change.Call.Value,
        Detail = $"{NameOf(outcome)} caller-v={state.Version}",
    });

    public Task<EnrolmentResult> Enrol(CallerEnrolment enrolment) => Bind(enrolment.Tenant, "operator.enrol", before => enrolment.OnlyNew && IsOf(enrolment.Tenant, before)
        ? Task.FromResult<(string?, CallerState?)>((null, null))
        : _enrolments.Make(_caller, enrolment, before, _row.Exists));

    public Task<EnrolmentResult> Rebind(CallerRebinding rebinding) => Bind(rebinding.Tenant, "operator.rebind", before => IsOf(rebinding.Tenant, before)
        ? _enrolments.Rebind(_caller, rebinding, before)
        : Task.FromResult<(string?, CallerState?)>(("no such caller", null)), liftsLocks: rebinding.Pin is not null);

    public async Task<RecoveryCodesResult> MakeRecoveryCodes(RecoveryCodesRequest request)
    {
        SealedSecret? codes = null;
        var result = await Bind(request.Tenant, "operator.recovery-codes", before =>
        {
            if (!IsOf(request.Tenant, before)) return Task.FromResult<(string?, CallerState?)>(("no such caller", null));
            var (kept, given) = _recovery.Make();
            using (given) codes = SecretSealer.Seal(request.To, _caller.Value, RecoveryCodesRequest.Purpose, given.Expose());
            return Task.FromResult<(string?, CallerState?)>((null, before.With(next => next.RecoveryCodes = kept)));
        }, liftsLocks: false);
        return new RecoveryCodesResult { Error = result.Error, Codes = result.Error is null ? codes : null };
    }

    private async Task<EnrolmentResult> Bind(string tenant, string action, Func<CallerState, Task<(string? Error, CallerState? State)>> make, bool liftsLocks = true)
    {
        try
        {
            var (error, state) = await make(await _row.Read());
            var existed = _row.Exists;
            if (state is null) return new EnrolmentResult { Error = error, IsBusy = ReferenceEquals(error, Enrolments.Busy), Existed = existed };
            // Recorded first: a binding that cannot be recorded does not happen.
            await Append(tenant, _enrolments.EntryOf(_caller, action, state, existed));
            await _row.Write(state);
            _answered.Clear();
            if (liftsLocks)
                foreach (var origin in Enum.GetValues<OriginClass>()) await Lockout(origin).Rebind();
            return new EnrolmentResult { Existed = existed };
        }
        catch (Exception e)
        {
            Fail(e);
            return new EnrolmentResult { Error = "the enrolment could not be written" };
        }
    }

    public async Task<ErasureResult> Erase(string tenant)
    {
        if (!_policy.Tenants.ContainsKey(tenant)) return new ErasureResult { Error = "no such tenant" };
        try
        {
            var state = await _row.Read();
            if (_row.Exists && !string.Equals(state.Tenant, tenant, StringComparison.Ordinal)) return new ErasureResult { Error = "the caller is not of this tenant" };
            // Recorded first: an erasure that cannot be recorded does not happen.
            await Append(tenant, new AuditEntry { Actor = RequestActor.Current, Action = "caller.erased", Result = AuditResult.Success, Object = _caller.Value });
            foreach (var key in Enrolments.KeysOf(_caller, _keys, state)) await Erase(GrainFactory.Grain<ICallerKeyGrain>(key.Value));
            await ForgetCallBacks();
            if (_row.Exists) await _row.Clear();
            _answered.Clear();
            return new ErasureResult();
        }
        catch (Exception e)
        {
            Fail(e);
            return new ErasureResult { Error = "the caller could not be erased whole: try again" };
        }
    }

    /// <summary>The key first: what it alone protects is noise from then on. What fails afterwards is found again when the erasure is repeated.</summary>
    private async Task Erase(ICallerKeyGrain key)
    {
        foreach (var recording in await key.Destroy())
        {
            await GrainFactory.Grain<IRecordingGrain>(recording.Value).Shred();
            await key.Forget(recording);
        }
    }

    private static string NameOf(BeginOutcome outcome) => outcome switch { BeginOutcome.Sent => "sent", BeginOutcome.Limited => "limited", _ => "unavailable" };

    private static string NameOf(PinChangeOutcome outcome) => outcome switch
    {
        PinChangeOutcome.Changed => "changed",
        PinChangeOutcome.Different => "different",
        PinChangeOutcome.Weak => "weak",
        PinChangeOutcome.Refused => "refused",
        _ => "unavailable",
    };
}
