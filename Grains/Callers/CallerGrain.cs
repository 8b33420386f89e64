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
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Policies;
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
    private readonly Dictionary<FactorKind, IFactor> _factors;
    private readonly Enrolments _enrolments;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoredRow<CallerState> _row;
    private readonly CallerKey _caller;

    // Answers to the last attempts, for retries while this activation lives.
    private readonly List<(string Attempt, FactorResult Result)> _answered = [];

    public CallerGrain(
        IGrainContext context, [FromKeyedServices(StoredRow<CallerState>.Storage)] IGrainStorage storage, IClusterKeys keys, ClusterPolicy policy,
        PinPool pool, IEnumerable<IFactor> factors, Enrolments enrolments, TimeProvider time, ILogger<CallerGrain> logger)
    {
        _keys = keys;
        _policy = policy;
        _pool = pool;
        _factors = factors.ToDictionary(f => f.Kind);
        _enrolments = enrolments;
        _time = time;
        _logger = logger;
        _caller = new CallerKey(context.GrainId.Key.ToString()!);
        _row = new StoredRow<CallerState>(storage, "caller", context.GrainId);
    }

    public async Task<FactorResult> Verify(FactorAttempt attempt)
    {
        var started = _time.GetTimestamp();
        var result = await Answer(attempt);
        s_authentications.WithLabels(NameOf(attempt.Factor), NameOf(result.Outcome)).Inc();
        var rest = AnswerTime.Rest(_policy.FactorCheckFloor, _time.GetElapsedTime(started));
        if (rest > TimeSpan.Zero) await Task.Delay(rest, _time);
        return result;
    }

    public async Task<CallerFacts> ReadFacts(VerifiedCaller proof)
    {
        try
        {
            var state = await _row.Read();
            return _row.Exists && CallerProof.IsGenuine(_keys.ProofKey, _caller, proof) && IsComplete(state, proof.Factors) ? state.Facts : new CallerFacts();
        }
        catch (Exception e)
        {
            Fail(e);
            return new CallerFacts();
        }
    }

    public async Task<EnrolmentResult> Enrol(CallerEnrolment enrolment)
    {
        try
        {
            var before = await _row.Read();
            var (error, state) = await _enrolments.Make(_caller, enrolment, before);
            if (state is null) return new EnrolmentResult { Error = error };
            // Recorded first: an enrolment that cannot be recorded does not happen.
            await Append(enrolment.Tenant, Enrolments.EntryOf(_caller, state));
            await _row.Write(state);
            _answered.Clear();
            foreach (var origin in Enum.GetValues<OriginClass>()) await Lockout(origin).Rebind();
            return new EnrolmentResult();
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

    private async Task<FactorResult> Answer(FactorAttempt attempt)
    {
        if (!_policy.Tenants.ContainsKey(attempt.Tenant) || !_factors.TryGetValue(attempt.Factor, out var factor)) return s_unavailable;
        var id = IdOf(attempt);
        if (_answered.Find(a => string.Equals(a.Attempt, id, StringComparison.Ordinal)).Result is { } known) return known;
        try
        {
            var result = await Check(attempt, id, factor);
            if (result.Outcome is not FactorOutcome.Unavailable) Remember(id, result);
            return result;
        }
        catch (Exception e)
        {
            Fail(e);
            return s_unavailable;
        }
    }

    private async Task<FactorResult> Check(FactorAttempt attempt, string id, IFactor factor)
    {
        var origin = Enum.IsDefined(attempt.Origin) ? attempt.Origin : OriginClass.Unattested;
        var lockout = Lockout(origin);
        var reserved = await lockout.Reserve(attempt.Tenant, id);
        var state = await _row.Read();
        var caller = _row.Exists && string.Equals(state.Tenant, attempt.Tenant, StringComparison.Ordinal) ? state : null;
        if (reserved.Unavailable || await Compute(attempt, factor, caller) is not { } check)
        {
            // The pool took nothing on, so nothing was verified.
            if (!reserved.Unavailable) await lockout.Withdraw(id);
            await Audit(attempt, origin, AuditResult.Denied, "unavailable", reserved, caller);
            return s_unavailable;
        }

        var isRetry = caller is not null && string.Equals(caller.LastAccepted, id, StringComparison.Ordinal);
        var before = FactorsBefore(attempt);
        var accepted = reserved.Permitted & (check.Accepted | isRetry) & MayFollow(factor.Kind, before);
        if (!accepted)
        {
            await Audit(attempt, origin, reserved.Permitted ? AuditResult.Failure : AuditResult.Denied, reserved.Permitted ? "refused" : "locked", reserved, caller);
            await lockout.Fail(id);
            return new FactorResult { Outcome = reserved.Permitted || !_policy.Tenants[attempt.Tenant].Lockout.Tell ? FactorOutcome.Refused : FactorOutcome.Locked };
        }

        if (check.Next is { } next && !isRetry)
        {
            // A one-time code is used up before anybody hears that it was right.
            caller = next.AcceptedAt(id);
            await _row.Write(caller);
        }
        await Audit(attempt, origin, AuditResult.Success, "accepted", reserved, caller);
        var proof = CallerProof.Make(_keys.ProofKey, _caller, attempt.Call, before.Append(factor.Kind));
        await lockout.Succeed(id, IsComplete(caller!, proof.Factors));
        return new FactorResult { Outcome = FactorOutcome.Accepted, Proof = proof };
    }

    private async Task<FactorCheck?> Compute(FactorAttempt attempt, IFactor factor, CallerState? caller)
    {
        var opened = _keys.Open(attempt.Digits, attempt.Call.Value, attempt.Purpose);
        var isReadable = opened is { Length: > 0 and <= MostSecretBytes };
        // What does not open is checked as well, as something that nobody can key.
        using var digits = isReadable ? opened! : new Secret<byte>([0]);
        if (!isReadable) opened?.Dispose();
        var now = _time.GetUtcNow();
        return factor.IsCostly
            ? await _pool.Run(() => factor.Verify(now, caller, digits.Expose()))
            : factor.Verify(now, caller, digits.Expose());
    }

    /// <summary>The factors that this very call verified before.</summary>
    private List<FactorKind> FactorsBefore(FactorAttempt attempt) =>
        CallerProof.IsGenuine(_keys.ProofKey, _caller, attempt.Before) && attempt.Before!.Call == attempt.Call ? attempt.Before.Factors : [];

    /// <summary>A one-time code counts only after the PIN: otherwise it could be tried without knowing anything.</summary>
    private static bool MayFollow(FactorKind factor, List<FactorKind> before) => factor is FactorKind.Pin || before.Contains(FactorKind.Pin);

    private bool IsComplete(CallerState state, List<FactorKind> verified) =>
        verified.Contains(FactorKind.Pin) && _factors.Values.All(f => !f.IsEnrolled(state) || verified.Contains(f.Kind));

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
            Detail = $"{NameOf(attempt.Factor)} {what} lockout-v={reserved.Version} caller-v={caller?.Version ?? 0}",
        });

    private Task Append(string tenant, AuditEntry entry) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(tenant)).Append(entry);

    private ILockoutGrain Lockout(OriginClass origin) => GrainFactory.GetGrain<ILockoutGrain>(ILockoutGrain.Key(_caller, origin));

    private static readonly FactorResult s_unavailable = new() { Outcome = FactorOutcome.Unavailable };

    private static string NameOf(FactorKind factor) => factor switch { FactorKind.Pin => "pin", FactorKind.Totp => "totp", _ => "other" };

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

    [LoggerMessage(Level = LogLevel.Error, Message = "A caller could not be served ({Failure}): answered as unavailable.")]
    private partial void LogFailure(string failure);
}
