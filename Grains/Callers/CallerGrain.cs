using System.Security.Cryptography;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using Prometheus;

namespace IvrActors.Grains.Callers;

/// <summary>
/// Verifies one caller's factors. The order is the security: reserve the attempt (durable), check, remember what must not count twice (durable), audit
/// (durable), then take the reservation back or let it stand, then answer. Whatever fails on the way leaves a counted failure and answers Unavailable.
/// Unknown, wrong and locked go the same way with the same work.
/// </summary>
internal sealed partial class CallerGrain : Grain, ICallerGrain
{
    // Digits and keys are shorter; what is longer is not looked at.
    private const int MostSecretBytes = 64;
    private const int MostRemembered = 8;

    private static readonly Counter s_authentications = Metrics.CreateCounter("ivr_authentication_total", "Checked factors.", "factor", "result");

    private readonly IClusterKeys _keys;
    private readonly ClusterPolicy _policy;
    private readonly PinPool _pool;
    private readonly FactorSet _factors;
    private readonly RecoveryCodeFactor _recovery;
    private readonly Enrolments _enrolments;
    private readonly PinChanges _changes;
    private readonly Passkeys _passkeys;
    private readonly RiskDesk _risk;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoredRow<CallerState> _row;
    private readonly CallerKey _caller;

    // Answers to the last attempts, for retries while this activation lives.
    private readonly List<(string Attempt, FactorResult Result)> _answered = [];

    public CallerGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<CallerState>.Storage)] IGrainStorage storage, IClusterKeys keys, ClusterPolicy policy,
        PinPool pool, FactorSet factors, RecoveryCodeFactor recovery, Enrolments enrolments, PinChanges changes, Passkeys passkeys, RiskDesk risk, TimeProvider time, ILogger<CallerGrain> logger)
    {
        _keys = keys;
        _policy = policy;
        _pool = pool;
        _factors = factors;
        _recovery = recovery;
        _enrolments = enrolments;
        _changes = changes;
        _passkeys = passkeys;
        _risk = risk;
        _time = time;
        _logger = logger;
        _caller = new CallerKey(context.GrainId.Key.ToString()!);
        _row = new StoredRow<CallerState>(storage, "caller", context.GrainId);
        _callBacks = new StoredRow<CallBackCount>(storage, "caller-callbacks", context.GrainId);
    }

    public async Task<FactorResult> Verify(FactorAttempt attempt)
    {
        var result = await Answer(attempt);
        s_authentications.WithLabels(FactorTraits.NameOf(attempt.Factor), NameOf(result.Outcome)).Inc();
        return result;
    }

    private async Task<FactorResult> Answer(FactorAttempt attempt)
    {
        if (!_policy.Tenants.ContainsKey(attempt.Tenant) || _factors.Find(attempt.Factor) is not { } factor) return s_unavailable;
        var id = IdOf(attempt);
        if (_answered.Find(a => string.Equals(a.Attempt, id, StringComparison.Ordinal)).Result is { } known) return known;
        try
        {
            var risk = _risk.Begin(attempt, _caller);
            var result = await Check(attempt, id, factor, risk);
            risk.Note(result.Outcome);
            if (result.Outcome is not FactorOutcome.Unavailable) Remember(id, result);
            return result;
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
            return s_unavailable;
        }
    }

    private async Task<FactorResult> Check(FactorAttempt attempt, string id, IFactor factor, RiskTry risk)
    {
        var origin = Enum.IsDefined(attempt.Origin) ? attempt.Origin : OriginClass.Unattested;
        var lockout = Lockout(origin);
        var reserved = await lockout.Reserve(attempt.Tenant, id, factor.Kind is FactorKind.Pin);
        var state = await _row.Read();
        var caller = IsOf(attempt.Tenant, state) ? state : null;
        var context = new FactorContext(_time.GetUtcNow(), attempt.Call, attempt.From) { Permitted = reserved.Permitted };
        // What has run out is no factor any more.
        var holder = caller is not null && FactorSet.Has(factor, caller, context.Now) ? caller : null;
        var computed = reserved.Unavailable ? null : await Compute(attempt, factor, context, holder, risk);
        // Judged alike whatever came of it.
        var level = await risk.Level();
        if (computed is not { Unknown: false } check)
        {
            // The pool took nothing on, or a key is missing: nothing was verified.
            if (!reserved.Unavailable) await lockout.Withdraw(id);
            await Audit(attempt, origin, AuditResult.Denied, "unavailable", reserved, caller);
            return s_unavailable;
        }

        var isRetry = caller is not null && string.Equals(caller.LastAccepted, id, StringComparison.Ordinal);
        var before = ProofBefore(attempt.Before, attempt.Call, state, context.Now);
        var mayFollow = MayFollow(factor.Kind, before);
        var accepted = reserved.Permitted & (check.Accepted | isRetry) & mayFollow;
        if (!accepted)
        {
            // A counter that runs ahead is noted; what was not permitted, or came before the PIN, leaves nothing.
            if (reserved.Permitted && mayFollow && check is { Accepted: false, Next: { } noted }) await _row.Write(caller = noted);
            await Audit(attempt, origin, reserved.Permitted ? AuditResult.Failure : AuditResult.Denied, reserved.Permitted ? "refused" : "locked", reserved, caller);
            await lockout.Fail(id);
            return new FactorResult { Outcome = reserved.Permitted || !_policy.Tenants[attempt.Tenant].Lockout.Tell ? FactorOutcome.Refused : FactorOutcome.Locked };
        }

        if (check is { Accepted: true, Next: { } next } && !isRetry)
        {
            // A one-time code is used up before anybody hears that it was right.
            next.LastAccepted = id;
            await _row.Write(caller = next);
        }
        var proof = Prove(attempt, factor.Kind, before, context, caller!, check.Expired, level);
        await Audit(attempt, origin, AuditResult.Success, check.Expired ? "expired" : "accepted", reserved, caller);
        await lockout.Succeed(id, !proof.PinExpired && AssuranceRules.IsComplete(_factors.EnrolledOf(caller!, context.Now), proof.Factors));
        var result = ResultOf(proof, attempt.Wanted, proof.Risk, context, caller!);
        // Who is this sure to be the owner is not to suffer from what others did under the owner's number.
        if (origin is OriginClass.Attested && result.Reached is Assurance.High) await ReproveAllBut(origin);
        return result;
    }

    /// <summary>A courtesy, no part of the verdict: what fails here refuses nobody.</summary>
    private async Task ReproveAllBut(OriginClass origin)
    {
        try
        {
            await Task.WhenAll(Enum.GetValues<OriginClass>().Where(other => other != origin).Select(other => Lockout(other).Reprove()));
        }
        catch (Exception e)
        {
            LogNotReproved(e.GetType().Name);
        }
    }

    private async Task<FactorCheck?> Compute(FactorAttempt attempt, IFactor factor, FactorContext context, CallerState? caller, RiskTry risk)
    {
        var opened = _keys.Open(attempt.Digits, attempt.Call.Value, attempt.Purpose);
        var isReadable = opened is { Length: > 0 and <= MostSecretBytes };
        // What does not open is checked as well, as something that nobody can key.
        using var digits = isReadable ? opened! : new Secret<byte>([0]);
        if (!isReadable) opened?.Dispose();
        risk.Tried(digits.Expose());
        return factor.IsCostly
            ? await _pool.Run(() => factor.Verify(context, caller, digits.Expose()))
            : factor.Verify(context, caller, digits.Expose());
    }

    /// <summary>The proof with this factor. A right PIN takes along what needs no question.</summary>
    private VerifiedCaller Prove(FactorAttempt attempt, FactorKind factor, VerifiedCaller? before, FactorContext context, CallerState caller, bool expired, RiskLevel level)
    {
        var verified = (before?.Factors ?? []).Append(factor);
        if (factor is FactorKind.Pin) verified = verified.Concat(_factors.SilentOf(context, caller));
        var risk = AssuranceRules.Worse(level, before?.Risk ?? RiskLevel.None);
        // The PIN that counts is the one that was keyed last.
        return CallerProof.Make(_keys.ProofKey, _caller, attempt.Call, verified, context.Now, risk, factor is FactorKind.Pin ? expired : before!.PinExpired);
    }

    private FactorResult ResultOf(VerifiedCaller proof, Assurance wanted, RiskLevel risk, FactorContext context, CallerState caller)
    {
        var next = proof.PinExpired ? [] : AssuranceRules.Next(_factors.AskableOf(context, caller), proof.Factors, wanted, AssuranceRules.Worse(risk, proof.Risk));
        return new FactorResult
        {
            Outcome = FactorOutcome.Accepted,
            Proof = proof,
            Reached = AssuranceOf(proof, risk),
            Next = next.Count > 0 ? next[0] : null,
            Others = [.. next.Skip(1)],
            MustChange = proof.PinExpired,
        };
    }

    private static Assurance AssuranceOf(VerifiedCaller proof, RiskLevel risk) => proof.PinExpired ? Assurance.None : AssuranceRules.Of(proof.Factors, AssuranceRules.Worse(risk, proof.Risk));

    /// <summary>The proof, if it was made here in this very call.</summary>
    private VerifiedCaller? ProofBefore(VerifiedCaller? proof, CallId call, CallerState state, DateTimeOffset now) => Counts(proof, state, now) && proof!.Call == call ? proof : null;

    /// <summary>Whether the proof was made here, and nothing was bound since: what it says of factors is of those that are bound now.</summary>
    private bool Counts(VerifiedCaller? proof, CallerState state, DateTimeOffset now) => CallerProof.IsGenuine(_keys.ProofKey, _caller, proof, now) && proof!.At >= state.BoundAt;

    /// <summary>A one-time code counts only after the PIN: otherwise it could be tried without knowing anything.</summary>
    private static bool MayFollow(FactorKind factor, VerifiedCaller? before) => factor is FactorKind.Pin || before?.Factors.Contains(FactorKind.Pin) == true;

    private bool IsOf(string tenant, CallerState state) => _row.Exists && string.Equals(state.Tenant, tenant, StringComparison.Ordinal);

    /// <summary>Call, event and a digest of the sealed digits: a second try under the number of an earlier one is another attempt, and counts.</summary>
    private static string IdOf(FactorAttempt attempt)
    {
        var digest = SHA256.HashData(attempt.Digits.Ciphertext ?? []);
        return $"{attempt.Call.Value}/{attempt.Seq}/{attempt.Factor}/{Convert.ToHexStringLower(digest.AsSpan(0, 8))}";
    }

    private void Remember(string id, FactorResult result)
    {
        if (_answered.Count == MostRemembered) _answered.RemoveAt(0);
        _answered.Add((id, result));
    }

    private Task Audit(FactorAttempt attempt, OriginClass origin, AuditResult result, string what, LockoutDecision reserved, CallerState? caller) =>
        Append(attempt.Tenant, new AuditEntry
        {
            Actor = _caller.Value,
            Action = "factor.verified",
            Result = result,
            Origin = CallOrigins.NameOf(origin),
            Object = attempt.Call.Value,
            Detail = $"{FactorTraits.NameOf(attempt.Factor)} {what} lockout-v={reserved.Version} caller-v={caller?.Version ?? 0}",
        });

    private Task Append(string tenant, AuditEntry entry) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(tenant)).Append(entry);

    private ILockoutGrain Lockout(OriginClass origin) => GrainFactory.GetGrain<ILockoutGrain>(ILockoutGrain.Key(_caller, origin));

    private static readonly FactorResult s_unavailable = new() { Outcome = FactorOutcome.Unavailable };

    private static string NameOf(FactorOutcome outcome) => outcome switch
    {
        FactorOutcome.Accepted => "accepted",
        FactorOutcome.Refused => "refused",
        FactorOutcome.Locked => "locked",
        _ => "unavailable",
    };

    private void Fail(Exception e)
    {
        LogFailure(e.GetType().Name);
        DeactivateOnIdle();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The locks of other origins could not be lifted for their owner ({Failure}).")]
    private partial void LogNotReproved(string failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "A caller could not be served ({Failure}): answered as unavailable.")]
    private partial void LogFailure(string failure);
}
