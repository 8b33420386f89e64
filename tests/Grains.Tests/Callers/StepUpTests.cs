using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>What a caller's grain says of assurance, and what it asks for next.</summary>
[Collection(CallersCluster.Name)]
public sealed class StepUpTests(CallersCluster cluster)
{
    private static readonly CodeDestination s_mobile = new() { Channel = CodeChannel.Sms, Address = new PersonalText("+491701234567") };

    [Fact]
    public async Task After_a_right_PIN_the_best_factor_of_the_account_is_named_and_what_would_do_in_its_place()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, hotp: CallersCluster.TotpKey, codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal((Assurance.Low, FactorKind.Totp), (pin.Reached, pin.Next));
        Assert.Equal([FactorKind.Hotp, FactorKind.SentCode], pin.Others);

        var code = await caller.TryAfter(pin, FactorKind.Totp, caller.Code());
        Assert.Equal((Assurance.High, null, 0), (code.Reached, code.Next, code.Others.Count));
    }

    [Fact]
    public async Task A_wrong_PIN_tells_nothing_of_the_account()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, codesTo: s_mobile);
        var results = new[] { await caller.TryPin("9071"), await cluster.NewCaller().TryPin(CallersCluster.Pin) };
        Assert.All(results, r => Assert.Equal((FactorOutcome.Refused, null, Assurance.None, null, 0, false), (r.Outcome, r.Proof, r.Reached, r.Next, r.Others.Count, r.MustChange)));
    }

    [Fact]
    public async Task Where_nothing_is_enrolled_that_would_do_nothing_is_asked_for()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal((FactorOutcome.Accepted, Assurance.Low, null), (pin.Outcome, pin.Reached, pin.Next));
        Assert.Empty((await caller.Facts(pin.Proof!, Assurance.High)).Amounts);
    }

    [Fact]
    public async Task The_registered_number_attested_in_full_joins_the_PIN()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, number: "+491701234567");
        var pin = await caller.TryPin(CallersCluster.Pin, from: From("491701234567", Attestation.A), wanted: Assurance.Medium);
        Assert.Equal([FactorKind.Pin, FactorKind.Attestation], pin.Proof!.Factors);
        Assert.Equal((Assurance.Medium, null), (pin.Reached, pin.Next));
        Assert.Single((await caller.Facts(pin.Proof, Assurance.Medium)).Amounts);
        Assert.Empty((await caller.Facts(pin.Proof, Assurance.High)).Amounts);

        Assert.Equal([FactorKind.Pin], (await caller.TryPin(CallersCluster.Pin, from: From("491701234567", Attestation.B))).Proof!.Factors);
        Assert.Equal([FactorKind.Pin], (await caller.TryPin(CallersCluster.Pin, from: From("491701234568", Attestation.A))).Proof!.Factors);
        Assert.Equal(FactorOutcome.Unavailable, (await caller.TryAfter(pin, FactorKind.Attestation, "1")).Outcome);
    }

    [Fact]
    public async Task A_code_that_is_asked_for_again_because_a_silo_went_is_not_sent_again_and_the_first_one_counts()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(pin));
        var (sent, code) = (cluster.Delivery.Sent.Count, cluster.Delivery.Last);
        Assert.Equal(BeginOutcome.Sent, await caller.BeginAgain(pin));
        await cluster.ForgetActivations();
        Assert.Equal(BeginOutcome.Sent, await caller.BeginAgain(pin));
        Assert.Equal(sent, cluster.Delivery.Sent.Count);
        Assert.Equal(FactorOutcome.Accepted, (await caller.TryAfter(pin, FactorKind.SentCode, code)).Outcome);
    }

    [Fact]
    public async Task A_code_that_could_not_be_sent_was_not_sent_when_it_is_asked_for_again_either()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin);
        cluster.Delivery.Result = DeliveryResult.Unavailable;
        try
        {
            Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(pin));
        }
        finally
        {
            cluster.Delivery.Result = DeliveryResult.Sent;
        }
        Assert.Equal(BeginOutcome.Unavailable, await caller.BeginAgain(pin));
    }

    [Fact]
    public async Task Risk_asks_for_more_and_stays_with_the_proof()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, codesTo: s_mobile);
        var raised = await caller.TryPin(CallersCluster.Pin, wanted: Assurance.Low, risk: RiskLevel.Raised);
        Assert.Equal((Assurance.None, FactorKind.Totp), (raised.Reached, raised.Next));
        Assert.Empty((await caller.Facts(raised.Proof!, Assurance.Low)).Amounts);

        var high = await caller.TryPin(CallersCluster.Pin, risk: RiskLevel.High);
        Assert.Equal((FactorKind.Totp, 0), (high.Next, high.Others.Count));

        // Nothing is known any more when the next factor comes: the call stays what it was.
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(raised));
        var sent = await caller.TryAfter(raised, FactorKind.SentCode, cluster.Delivery.Last);
        Assert.Equal((RiskLevel.Raised, Assurance.Medium), (sent.Proof!.Risk, sent.Reached));
        Assert.Empty((await caller.Facts(sent.Proof, Assurance.High)).Amounts);
        Assert.Single((await caller.Facts(sent.Proof, Assurance.Medium)).Amounts);
        Assert.Empty((await caller.Facts(sent.Proof, Assurance.Medium, RiskLevel.High)).Amounts);
    }

    [Fact]
    public async Task What_a_proof_comes_to_can_be_asked_again_for_more_and_costs_no_attempt()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin, wanted: Assurance.Low);
        Assert.Equal((Assurance.Low, null), (pin.Reached, pin.Next));
        var failures = cluster.Storage.Stored<LockoutState>("lockout", caller.Lockout().GetGrainId())!.Version;

        var more = await caller.Grain.Assess(new AssuranceRequest { Tenant = CallersCluster.Tenant, Proof = pin.Proof!, Wanted = Assurance.High });
        Assert.Equal((FactorOutcome.Accepted, Assurance.Low, FactorKind.Totp), (more.Outcome, more.Reached, more.Next));
        Assert.Equal([FactorKind.SentCode], more.Others);
        var risky = await caller.Grain.Assess(new AssuranceRequest { Tenant = CallersCluster.Tenant, Proof = pin.Proof!, Wanted = Assurance.Low, Risk = RiskLevel.High });
        Assert.Equal((Assurance.None, FactorKind.Totp, 0), (risky.Reached, risky.Next, risky.Others.Count));

        var forged = new VerifiedCaller { Caller = caller.Key, Call = pin.Proof!.Call, Factors = [FactorKind.Pin, FactorKind.Totp], Mac = pin.Proof.Mac, At = pin.Proof.At };
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Assess(new AssuranceRequest { Tenant = CallersCluster.Tenant, Proof = forged, Wanted = Assurance.Low })).Outcome);
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Assess(new AssuranceRequest { Tenant = "nobody", Proof = pin.Proof, Wanted = Assurance.Low })).Outcome);
        Assert.Equal(failures, cluster.Storage.Stored<LockoutState>("lockout", caller.Lockout().GetGrainId())!.Version);
    }

    [Fact]
    public async Task A_sent_code_counts_once_for_its_call_also_after_a_restart()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorKind.SentCode, pin.Next);
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(pin));
        var code = cluster.Delivery.Last;
        await cluster.ForgetActivations();

        var other = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(other, FactorKind.SentCode, code)).Outcome);
        var accepted = await caller.TryAfter(pin, FactorKind.SentCode, code);
        Assert.Equal((FactorOutcome.Accepted, Assurance.High), (accepted.Outcome, accepted.Reached));
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.SentCode, code)).Outcome);
    }

    [Fact]
    public async Task A_code_is_sent_only_after_the_PIN_of_the_same_call()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        var other = await cluster.NewCaller().Enrolled();
        var foreign = await other.TryPin(CallersCluster.Pin);
        var sent = cluster.Delivery.Sent.Count;
        Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(foreign));
        Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Totp));
        Assert.Equal(sent, cluster.Delivery.Sent.Count);
    }

    [Fact]
    public async Task Asking_for_codes_resets_no_failures_and_is_limited()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        for (var i = 0; i < 2; i++)
        {
            var call = await caller.TryPin(CallersCluster.Pin);
            Assert.Equal(BeginOutcome.Sent, await caller.Begin(call));
            Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(call, FactorKind.SentCode, "12345678")).Outcome);
        }
        Assert.Equal(2, cluster.Storage.Stored<LockoutState>("lockout", caller.Lockout().GetGrainId())!.Failures);

        var pin = await caller.TryPin(CallersCluster.Pin);
        for (var i = 2; i < SentCodeFactor.MostAnHour - SentCodeFactor.KeptForAttested; i++) Assert.Equal(BeginOutcome.Sent, await caller.Begin(pin));
        Assert.Equal(BeginOutcome.Limited, await caller.Begin(pin));
        // A new enrolment is no way around it either.
        await caller.Enrolled(codesTo: s_mobile);
        Assert.Equal(BeginOutcome.Limited, await caller.Begin(await caller.TryPin(CallersCluster.Pin)));
    }

    [Fact]
    public async Task A_code_that_cannot_be_recorded_is_not_sent_and_one_that_the_provider_refuses_is_not_asked_for()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        var pin = await caller.TryPin(CallersCluster.Pin);
        var sent = cluster.Delivery.Sent.Count;
        cluster.Ledger.BeforeAppend = _ => throw new IOException("ledger is full");
        Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(pin));
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Equal(sent, cluster.Delivery.Sent.Count);

        cluster.Delivery.Result = DeliveryResult.Refused;
        Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(pin));
        cluster.Delivery.Result = DeliveryResult.Sent;

        var records = cluster.Ledger.All.Where(r => r.Entry.Object == pin.Proof!.Call.Value && r.Entry.Action == "factor.begun").Select(r => r.Entry).ToList();
        Assert.All(records, r => Assert.Equal((caller.Key.Value, AuditResult.Success, "unattested"), (r.Actor, r.Result, r.Origin)));
        Assert.Single(records);
    }

    [Fact]
    public async Task A_code_of_a_counting_token_is_used_up_before_it_is_answered()
    {
        var caller = await cluster.NewCaller().Enrolled(hotp: CallersCluster.TotpKey);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorKind.Hotp, pin.Next);
        var attempt = caller.Attempt(pin.Proof!.Call, FactorKind.Hotp, "287082", pin.Proof);
        Assert.Equal(Assurance.High, (await caller.Grain.Verify(attempt)).Reached);
        Assert.Equal(2, caller.State.Hotp!.Counter);
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Accepted, (await caller.Grain.Verify(attempt)).Outcome);
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.Hotp, "287082")).Outcome);
    }

    [Fact]
    public async Task A_counting_token_that_ran_ahead_is_found_again_after_one_counted_failure()
    {
        var caller = await cluster.NewCaller().Enrolled(hotp: CallersCluster.TotpKey);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.Hotp, Hotp(40))).Outcome);
        Assert.Equal(1, cluster.Storage.Stored<LockoutState>("lockout", caller.Lockout().GetGrainId())!.Failures);
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Accepted, (await caller.TryAfter(pin, FactorKind.Hotp, Hotp(41))).Outcome);
    }

    [Fact]
    public async Task What_a_caller_has_counts_until_its_time_is_over_and_the_PIN_goes_on()
    {
        var until = cluster.Time.GetUtcNow().AddMinutes(10);
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, until: until);
        Assert.Equal(FactorKind.Totp, (await caller.TryPin(CallersCluster.Pin)).Next);
        cluster.Time.Advance(TimeSpan.FromMinutes(11));
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal((FactorOutcome.Accepted, null), (pin.Outcome, pin.Next));
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.Totp, caller.Code())).Outcome);
    }

    private CallOrigin From(string number, Attestation attestation) => new()
    {
        Trunk = "carrier",
        Class = OriginClass.Attested,
        Attestation = attestation,
        Calling = CallOrigins.KeyOf(new PhoneNumber(number), CallersCluster.Tenant, cluster.Keys.PseudonymKey(CallersCluster.Tenant)),
        Source = "s:1",
    };

    private static string Hotp(long counter)
    {
        var code = new byte[6];
        Grains.Callers.Factors.Hotp.Write(HashAlgorithmName.SHA1, CallersCluster.TotpKey, counter, code);
        return Encoding.ASCII.GetString(code);
    }
}
