using IvrActors.Grains.Callers;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>To whom the caller grain hands out the registered number.</summary>
[Collection(CallersCluster.Name)]
public sealed class CallBackOrderTests(CallersCluster cluster)
{
    private const string Number = "+4930123456";

    private async Task<(TestCaller Caller, VerifiedCaller Proof)> Verified(string? number = Number)
    {
        var caller = cluster.NewCaller();
        Assert.Null((await caller.Enrol(number: number)).Error);
        return (caller, (await caller.TryPin(CallersCluster.Pin)).Proof!);
    }

    private List<AuditEntry> Orders(TestCaller caller) => [.. cluster.Ledger.Of(CallersCluster.Tenant).Select(r => r.Entry).Where(e => e.Action == "callback.ordered" && e.Actor == caller.Key.Value)];

    [Fact]
    public async Task A_right_pin_gets_the_registered_number_and_a_record_that_does_not_hold_it()
    {
        var (caller, proof) = await Verified();
        var order = await caller.Grain.OrderCallBack(proof, CallId.New());
        Assert.Equal((CallBackOutcome.Ordered, Number), (order.Outcome, order.Number!.Reveal()));
        var record = Assert.Single(Orders(caller));
        Assert.Equal((AuditResult.Success, proof.Call.Value), (record.Result, record.Object));
        Assert.DoesNotContain("30123456", record.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("30123456", order.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_proof_of_the_pin_of_this_caller_there_is_no_number_and_no_telling_whether_there_is_one()
    {
        var (caller, proof) = await Verified();
        var (_, ofAnother) = await Verified();
        var forged = new VerifiedCaller { Caller = proof.Caller, Call = proof.Call, Factors = [FactorKind.Pin], Mac = new byte[32], At = proof.At };
        foreach (var wrong in new[] { ofAnother, forged })
        {
            var order = await caller.Grain.OrderCallBack(wrong, CallId.New());
            Assert.Equal((CallBackOutcome.Unavailable, null), (order.Outcome, order.Number));
        }
        Assert.Equal(CallBackOutcome.Unavailable, (await cluster.NewCaller().Grain.OrderCallBack(proof, CallId.New())).Outcome);
        Assert.Empty(Orders(caller));
    }

    [Fact]
    public async Task A_caller_without_a_registered_number_is_not_called_back()
    {
        var (caller, proof) = await Verified(number: null);
        Assert.Equal(CallBackOutcome.Unavailable, (await caller.Grain.OrderCallBack(proof, CallId.New())).Outcome);
    }

    [Fact]
    public async Task A_caller_is_called_back_three_times_in_an_hour_whatever_the_call_and_the_silo()
    {
        var (caller, proof) = await Verified();
        var first = CallId.New();
        for (var i = 0; i < 2; i++) Assert.Equal(CallBackOutcome.Ordered, (await caller.Grain.OrderCallBack(proof, i == 0 ? first : CallId.New())).Outcome);
        await cluster.ForgetActivations();
        var last = CallId.New();
        // The same order again is the same order.
        for (var i = 0; i < 2; i++) Assert.Equal(CallBackOutcome.Ordered, (await caller.Grain.OrderCallBack(proof, last)).Outcome);
        var again = (await caller.TryPin(CallersCluster.Pin)).Proof!;
        var refused = await caller.Grain.OrderCallBack(again, CallId.New());
        Assert.Equal((CallBackOutcome.Limited, null), (refused.Outcome, refused.Number));
        Assert.Equal(AuditResult.Denied, Orders(caller)[^1].Result);
        cluster.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(CallBackOutcome.Ordered, (await caller.Grain.OrderCallBack(again, CallId.New())).Outcome);
    }

    [Fact]
    public async Task An_order_that_cannot_be_recorded_is_none()
    {
        var (caller, proof) = await Verified();
        cluster.Ledger.BeforeAppend = _ => throw new IOException("the disk is full");
        try
        {
            var order = await caller.Grain.OrderCallBack(proof, CallId.New());
            Assert.Equal((CallBackOutcome.Unavailable, null), (order.Outcome, order.Number));
        }
        finally
        {
            cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Of_an_erased_caller_the_count_goes_too()
    {
        var (caller, proof) = await Verified();
        await caller.Grain.OrderCallBack(proof, CallId.New());
        Assert.Null((await caller.Grain.Erase(CallersCluster.Tenant)).Error);
        Assert.Equal(CallBackOutcome.Unavailable, (await caller.Grain.OrderCallBack(proof, CallId.New())).Outcome);
        Assert.Null(cluster.Storage.Stored<CallBackCount>("caller-callbacks", caller.Grain.GetGrainId()));
    }

    [Fact]
    public async Task A_number_that_was_changed_is_not_called_for_a_day_and_the_same_in_another_spelling_is()
    {
        var (caller, _) = await Verified();
        foreach (var (number, outcome) in new[] { (Number, CallBackOutcome.Ordered), ("+49 (30) 123456", CallBackOutcome.Ordered), ("+4930999999", CallBackOutcome.Unavailable) })
        {
            Assert.Null((await caller.Enrol(number: number)).Error);
            Assert.Equal(outcome, (await caller.Grain.OrderCallBack((await caller.TryPin(CallersCluster.Pin)).Proof!, CallId.New())).Outcome);
        }
        // Enrolled again as it is, it is not called sooner, nor later.
        cluster.Time.Advance(TimeSpan.FromHours(23));
        Assert.Null((await caller.Enrol(number: "+4930999999")).Error);
        Assert.Equal(CallBackOutcome.Unavailable, (await caller.Grain.OrderCallBack((await caller.TryPin(CallersCluster.Pin)).Proof!, CallId.New())).Outcome);
        cluster.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(CallBackOutcome.Ordered, (await caller.Grain.OrderCallBack((await caller.TryPin(CallersCluster.Pin)).Proof!, CallId.New())).Outcome);
    }

    [Fact]
    public async Task An_expired_pin_calls_nobody_and_what_has_run_out_is_not_called()
    {
        var caller = cluster.NewCaller();
        Assert.Null((await caller.Enrol(number: Number, until: cluster.Time.GetUtcNow().AddMinutes(5))).Error);
        var proof = (await caller.TryPin(CallersCluster.Pin)).Proof!;
        var expired = CallerProof.Make(cluster.Keys.ProofKey, caller.Key, proof.Call, proof.Factors, proof.At, pinExpired: true);
        Assert.Equal(CallBackOutcome.Unavailable, (await caller.Grain.OrderCallBack(expired, CallId.New())).Outcome);
        Assert.Equal(CallBackOutcome.Ordered, (await caller.Grain.OrderCallBack(proof, CallId.New())).Outcome);
        cluster.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(CallBackOutcome.Unavailable, (await caller.Grain.OrderCallBack(proof, CallId.New())).Outcome);
    }

    [Fact]
    public async Task Who_answers_and_knows_the_pin_reaches_high_assurance_in_that_call_and_nobody_else_does()
    {
        var (caller, _) = await Verified();
        var call = CallId.New();
        Assert.Equal(FactorOutcome.Refused, (await caller.TryPin("9999", call, from: CalledAt(Number))).Outcome);
        var result = await caller.TryPin(CallersCluster.Pin, call, from: CalledAt(Number));
        Assert.Equal([FactorKind.Pin, FactorKind.CallBack], result.Proof!.Factors);
        Assert.Equal((Assurance.High, null), (result.Reached, result.Next));
        // Another number, and another call.
        Assert.Equal([FactorKind.Pin], (await caller.TryPin(CallersCluster.Pin, from: CalledAt("+4930123457"))).Proof!.Factors);
        Assert.Equal([FactorKind.Pin], (await caller.TryPin(CallersCluster.Pin)).Proof!.Factors);
        Assert.Equal([FactorKind.Pin], (await caller.Grain.Verify(caller.Attempt(CallId.New(), FactorKind.Pin, CallersCluster.Pin, before: result.Proof))).Proof!.Factors);
        // No digits stand for it.
        Assert.Equal(FactorOutcome.Unavailable, (await caller.TryAfter(result, FactorKind.CallBack, "1")).Outcome);
    }

    [Theory]
    [InlineData(RiskLevel.Raised, Assurance.Medium)]
    [InlineData(RiskLevel.High, Assurance.None)]
    public async Task Where_risk_is_raised_a_number_is_worth_less(RiskLevel risk, Assurance reached)
    {
        var (caller, _) = await Verified();
        Assert.Equal(reached, (await caller.TryPin(CallersCluster.Pin, risk: risk, from: CalledAt(Number))).Reached);
    }

    private CallOrigin CalledAt(string number)
    {
        var called = CallOrigins.KeyOf(new PhoneNumber(number), CallersCluster.Tenant, cluster.Keys.PseudonymKey(CallersCluster.Tenant));
        return new CallOrigin { Trunk = "carrier", Class = OriginClass.Attested, Attestation = Attestation.None, Calling = called, Source = "s:1", CalledBack = called };
    }
}
