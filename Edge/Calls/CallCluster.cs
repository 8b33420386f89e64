using System.Security.Cryptography;
using IvrActors.Edge.Admission;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Calls;

/// <summary>Delivers events to call grains over Orleans. The grain knows repeated numbers, so a repeat after a time-out is harmless.</summary>
public sealed partial class CallCluster(IGrainFactory grains, EdgeToken token, EdgeReadiness readiness, LatencyWindow admissions, TimeProvider time, ILogger<CallCluster> log) : ICallCluster
{
    /// <summary>A silo that died answers no more, and a request to it ends only so: short, to try another soon.</summary>
    private static readonly TimeSpan s_attemptTimeout = TimeSpan.FromSeconds(4);

    /// <summary>Longest that a caller is held. Another silo takes over in under 4 s, and a second one may go while it does; a database is back after a failover (docs/decisions/0029).</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Of a call that is not answered yet: who sent it has other places to send it to.</summary>
    private static readonly TimeSpan s_patienceAtOffer = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan[] s_pauses = [TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1)];

    public async Task<CallReply?> Handle(CallId call, LegEvent legEvent)
    {
        var started = time.GetTimestamp();
        if (Sealed(call, legEvent) is not { } callEvent) return null;
        try
        {
            return await Handle(call, callEvent, started);
        }
        finally
        {
            if (callEvent is CallOffered) admissions.Record(time.GetElapsedTime(started));
        }
    }

    public async Task<bool> Keep(CallId call, int epoch, CallDialog dialog, CallDialog? other)
    {
        try
        {
            RequestContext.Set(RoleToken.ContextKey, token.Value);
            await grains.Grain<ICallGrain>(call.Value).Keep(epoch, dialog, other).WaitAsync(s_attemptTimeout, time);
            return true;
        }
#pragma warning disable CA1031 // The call goes on without; who takes it over would look for its peer where it was before.
        catch (Exception e)
#pragma warning restore CA1031
        {
            NotKept(log, call.Value, e.GetType().Name);
            return false;
        }
    }

    private async Task<CallReply?> Handle(CallId call, CallEvent callEvent, long started)
    {
        var patience = callEvent is CallOffered ? s_patienceAtOffer : s_patience;
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                var reply = await grains.Grain<ICallGrain>(call.Value).Handle(callEvent).WaitAsync(s_attemptTimeout, time);
                EdgeMetrics.Step.Observe(time.GetElapsedTime(started).TotalSeconds);
                return reply;
            }
#pragma warning disable CA1031 // Whatever goes wrong behind this call, the caller on the telephone gets a polite end.
            catch (Exception e)
#pragma warning restore CA1031
            {
                // The type only: a message may name what must not stand in a log.
                Failed(log, call.Value, callEvent.Seq, attempt + 1, e.GetType().Name);
                if (e is not (TimeoutException or OrleansException) || time.GetElapsedTime(started) > patience) return null;
            }
            await Task.Delay(s_pauses[Math.Min(attempt, s_pauses.Length - 1)], time);
        }
    }

    private CallEvent? Sealed(CallId call, LegEvent legEvent)
    {
        if (legEvent.Digits is not { } digits) return legEvent.Event;
        using (digits)
        {
            if (readiness.SealingKey is not { } key || legEvent.Event is not DigitsCollected collected) return null;
            try
            {
                var sealedDigits = SecretSealer.Seal(key, call.Value, legEvent.Purpose, digits.Expose());
                return new DigitsCollected { Seq = collected.Seq, Outcome = collected.Outcome, Sealed = sealedDigits }.From(collected.Epoch, collected.Dialog);
            }
            catch (CryptographicException e)
            {
                // A key that is no key: nothing can be sealed to it, and nothing leaves unsealed.
                Failed(log, call.Value, collected.Seq, 0, e.GetType().Name);
                return null;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Call}: how its dialog stands could not be stored: {Error}")]
    private static partial void NotKept(ILogger log, string call, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Call} event {Sequence} attempt {Attempt} failed: {Error}")]
    private static partial void Failed(ILogger log, string call, int sequence, int attempt, string error);
}

/// <summary>The edge's role token, renewed every minute, and at once when what signs it was replaced.</summary>
public sealed class EdgeToken(EdgeOptions options, IRoleTokens tokens, TimeProvider time)
{
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(1);

    private volatile Issued? _issued;

    public string Value
    {
        get
        {
            var issued = _issued;
            var signer = tokens.Signer;
            if (issued is null || !ReferenceEquals(issued.By, signer) || time.GetElapsedTime(issued.At) > s_life) _issued = issued = new Issued(tokens.Issue(options.Name, Roles.Edge), signer, time.GetTimestamp());
            return issued.Text;
        }
    }

    private sealed class Issued(string text, object? by, long at)
    {
        public object? By { get; } = by;

        public string Text { get; } = text;

        public long At { get; } = at;
    }
}
