using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Hands out the registered number to be called back. Counted and recorded, both durably, before the number leaves.</summary>
internal sealed partial class CallerGrain
{
    private readonly StoredRow<CallBackCount> _callBacks;

    public async Task<CallBackOrder> OrderCallBack(VerifiedCaller proof, CallId callBack)
    {
        try
        {
            var now = _time.GetUtcNow();
            var state = await _row.Read();
            // Without a right PIN it is not even told whether there is a number.
            if (!_row.Exists || !Counts(proof, state, now) || !proof.Factors.Contains(FactorKind.Pin) || proof.PinExpired) return s_notCalledBack;
            if (!CallBackFactor.MayBeCalled(state, now)) return s_notCalledBack;
            var count = await _callBacks.Read();
            if (CallBackRule.Count(now, count, callBack) is not { } next)
            {
                await RecordCallBack(state, proof, AuditResult.Denied, "limited");
                return new CallBackOrder { Outcome = CallBackOutcome.Limited };
            }
            if (!ReferenceEquals(next, count)) await _callBacks.Write(next);
            await RecordCallBack(state, proof, AuditResult.Success, $"by {callBack.Value} caller-v={state.Version}");
            return new CallBackOrder { Outcome = CallBackOutcome.Ordered, Number = state.Number };
        }
        catch (Exception e) when (!SiloLoss.Passes(e))
        {
            Fail(e);
            return s_notCalledBack;
        }
    }

    private async Task ForgetCallBacks()
    {
        await _callBacks.Read();
        if (_callBacks.Exists) await _callBacks.Clear();
    }

    private Task RecordCallBack(CallerState state, VerifiedCaller proof, AuditResult result, string detail) =>
        Append(state.Tenant, new AuditEntry { Actor = _caller.Value, Action = "callback.ordered", Result = result, Object = proof.Call.Value, Detail = detail });

    private static readonly CallBackOrder s_notCalledBack = new() { Outcome = CallBackOutcome.Unavailable };
}
