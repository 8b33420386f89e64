using IvrActors.Grains.Callers;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

[Collection(CallersCluster.Name)]
public sealed class CallerGrainTests(CallersCluster cluster)
{
    [Fact]
    public async Task The_right_PIN_and_code_of_one_call_open_the_facts()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var call = CallId.New();

        var pin = await caller.TryPin(CallersCluster.Pin, call);
        Assert.Equal(FactorOutcome.Accepted, pin.Outcome);
        Assert.Empty((await caller.Facts(pin.Proof!, Assurance.High)).Amounts);

        var code = await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(), pin.Proof));
        Assert.Equal(FactorOutcome.Accepted, code.Outcome);
        Assert.Equal([FactorKind.Pin, FactorKind.Totp], code.Proof!.Factors);
        Assert.Equal(12345, (await caller.Facts(code.Proof, Assurance.High)).Amounts["balance"].Minor);
    }

    [Fact]
    public async Task A_caller_without_a_code_generator_reads_facts_by_PIN_and_never_passes_a_code_step()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var call = CallId.New();
        var pin = await caller.TryPin(CallersCluster.Pin, call);
        Assert.Single((await caller.Facts(pin.Proof!, Assurance.Low)).Amounts);
        Assert.Empty((await caller.Facts(pin.Proof!, Assurance.Medium)).Amounts);
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(), pin.Proof))).Outcome);
    }

    [Fact]
    public async Task A_locked_caller_is_refused_even_with_the_right_pin()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome("9071"));
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));

        cluster.Time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Single(cluster.Ledger.All, r => r.Entry.Action == "lockout.locked" && r.Entry.Object.Contains(caller.Key.Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Failures_from_an_unattested_origin_do_not_lock_a_trusted_one()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 4; i++) await caller.PinOutcome("9071");
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin, OriginClass.TrustedTrunk));
    }

    [Fact]
    public async Task A_right_PIN_does_not_reset_the_failures_of_codes()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        for (var i = 0; i < 3; i++)
        {
            var call = CallId.New();
            var pin = await caller.TryPin(CallersCluster.Pin, call);
            Assert.Equal(FactorOutcome.Accepted, pin.Outcome);
            Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(5), pin.Proof))).Outcome);
        }
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task Wrong_PINs_are_forgiven_with_the_right_one_though_no_code_is_asked_for()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        for (var i = 0; i < 3; i++)
        {
            for (var wrong = 0; wrong < 2; wrong++) await caller.PinOutcome("9071");
            Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
        }
    }

    [Fact]
    public async Task A_right_PIN_forgives_wrong_codes_where_the_only_other_factor_is_a_code_that_nobody_sends()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: new CodeDestination { Channel = CodeChannel.Voice, Address = new PersonalText("+491701234567") });
        for (var i = 0; i < 2; i++)
        {
            var call = CallId.New();
            var pin = await caller.TryPin(CallersCluster.Pin, call);
            await caller.Grain.Verify(caller.Attempt(call, FactorKind.SentCode, "123456", pin.Proof));
        }
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(1, (await caller.Lockout().Reserve(CallersCluster.Tenant, "next")).Failures);
    }

    [Fact]
    public async Task A_code_counts_once_also_after_a_restart()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var code = caller.Code();
        Assert.Equal(FactorOutcome.Accepted, await PinThenCode(caller, code));
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Refused, await PinThenCode(caller, code));
    }

    [Fact]
    public async Task The_retry_of_an_accepted_code_is_accepted_again_after_a_crash()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var call = CallId.New();
        var pin = await caller.TryPin(CallersCluster.Pin, call);
        var attempt = caller.Attempt(call, FactorKind.Totp, caller.Code(), pin.Proof);
        Assert.Equal(FactorOutcome.Accepted, (await caller.Grain.Verify(attempt)).Outcome);
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Accepted, (await caller.Grain.Verify(attempt)).Outcome);
    }

    [Fact]
    public async Task A_code_is_refused_without_the_PIN_of_the_same_call_and_caller()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var other = await cluster.NewCaller().Enrolled();
        var call = CallId.New();
        var pinOfAnotherCall = (await caller.TryPin(CallersCluster.Pin)).Proof;
        var pinOfAnotherCaller = (await other.TryPin(CallersCluster.Pin, call)).Proof!;
        var forged = new VerifiedCaller { Caller = caller.Key, Call = call, Factors = [FactorKind.Pin], Mac = pinOfAnotherCaller.Mac };

        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code()))).Outcome);
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(), pinOfAnotherCall))).Outcome);
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, caller.Code(), forged))).Outcome);
        // None of the refusals above used the code up.
        cluster.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(FactorOutcome.Accepted, await PinThenCode(caller, caller.Code()));
    }

    [Fact]
    public async Task A_proof_with_one_bit_changed_opens_nothing()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var proof = (await caller.TryPin(CallersCluster.Pin)).Proof!;
        Assert.Single((await caller.Facts(Like(proof), Assurance.Low)).Amounts);
        for (var i = 0; i < proof.Mac.Length; i++)
        {
            var mac = (byte[])proof.Mac.Clone();
            mac[i] ^= 1;
            Assert.Empty((await caller.Facts(Like(proof, mac: mac), Assurance.Low)).Amounts);
        }
        Assert.Empty((await caller.Facts(Like(proof, call: CallId.New()), Assurance.Low)).Amounts);
        Assert.Empty((await caller.Facts(Like(proof, factors: [FactorKind.Pin, FactorKind.Totp]), Assurance.Low)).Amounts);
        Assert.Empty((await caller.Facts(Like(proof, at: proof.At.AddTicks(1)), Assurance.Low)).Amounts);
        Assert.Empty((await caller.Facts(Like(proof, risk: RiskLevel.Raised), Assurance.None)).Amounts);
        Assert.Empty((await caller.Facts(new VerifiedCaller { Caller = proof.Caller, Call = proof.Call, Factors = null!, Mac = null! }, Assurance.Low)).Amounts);
    }

    [Fact]
    public async Task A_proof_outlives_no_call()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var proof = (await caller.TryPin(CallersCluster.Pin)).Proof!;
        cluster.Time.Advance(CallerProof.Life - TimeSpan.FromMinutes(1));
        Assert.Single((await caller.Facts(proof, Assurance.Low)).Amounts);
        cluster.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty((await caller.Facts(proof, Assurance.Low)).Amounts);
    }

    [Fact]
    public async Task A_repeated_attempt_is_answered_alike_and_counted_once_also_after_a_crash()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var attempt = caller.Attempt(CallId.New(), FactorKind.Pin, "9071");
        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(attempt)).Outcome);
        await cluster.ForgetActivations();
        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(attempt)).Outcome);
        Assert.Equal(1, LockoutOf(caller)!.Failures);
    }

    [Fact]
    public async Task Other_digits_under_the_number_of_an_earlier_attempt_are_counted()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var first = caller.Attempt(CallId.New(), FactorKind.Pin, "9071");
        await caller.Grain.Verify(first);
        foreach (var pin in new[] { "9072", "9073", CallersCluster.Pin })
        {
            var second = caller.Attempt(first.Call, FactorKind.Pin, pin);
            await caller.Grain.Verify(new FactorAttempt
            {
                Call = first.Call,
                Seq = first.Seq,
                Tenant = first.Tenant,
                Factor = first.Factor,
                Digits = second.Digits,
                Purpose = first.Purpose,
                Origin = first.Origin,
            });
        }
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_crash_between_reservation_and_answer_counts_as_a_failure()
    {
        var caller = await cluster.NewCaller().Enrolled();
        cluster.Ledger.BeforeAppend = _ => throw new IOException("the machine died here");
        try
        {
            for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Unavailable, await caller.PinOutcome(CallersCluster.Pin));
        }
        finally
        {
            cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Theory]
    [InlineData("read", "caller")]
    [InlineData("read", "lockout")]
    [InlineData("write", "lockout")]
    public async Task A_storage_that_fails_or_refuses_a_row_makes_the_answer_unavailable(string operation, string state)
    {
        var caller = await cluster.NewCaller().Enrolled();
        await cluster.ForgetActivations();
        cluster.Storage.Before = (o, s) =>
        {
            if (o == operation && s == state) throw new IOException("refused");
        };
        try
        {
            Assert.Equal(FactorOutcome.Unavailable, await caller.PinOutcome(CallersCluster.Pin));
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Theory]
    [InlineData("read", "caller")]
    [InlineData("read", "lockout")]
    [InlineData("write", "lockout")]
    public async Task A_PIN_is_not_answered_while_the_database_is_away_and_counts_once_when_it_is_back(string operation, string state)
    {
        var caller = await cluster.NewCaller().Enrolled();
        await cluster.ForgetActivations();
        cluster.Storage.Before = (o, s) =>
        {
            if (o == operation && s == state) throw new StorageUnavailableException("away");
        };
        var call = CallId.New();
        try
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(() => caller.TryPin(CallersCluster.Pin, call));
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
        Assert.Equal(FactorOutcome.Accepted, (await caller.TryPin(CallersCluster.Pin, call)).Outcome);
    }

    [Fact]
    public async Task A_code_whose_use_cannot_be_written_is_not_accepted()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        cluster.Storage.Before = (o, s) =>
        {
            if (o == "write" && s == "caller") throw new IOException("disk full");
        };
        try
        {
            Assert.Equal(FactorOutcome.Unavailable, await PinThenCode(caller, caller.Code()));
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
    }

    [Fact]
    public async Task Digits_sealed_for_another_call_are_refused_and_counted()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var foreign = caller.Attempt(CallId.New(), FactorKind.Pin, CallersCluster.Pin);
        var moved = new FactorAttempt
        {
            Call = CallId.New(),
            Seq = 1,
            Tenant = foreign.Tenant,
            Factor = FactorKind.Pin,
            Digits = foreign.Digits,
            Purpose = foreign.Purpose,
            Origin = foreign.Origin,
        };
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(moved)).Outcome);
        Assert.Equal(1, LockoutOf(caller)!.Failures);
    }

    [Fact]
    public async Task Unknown_wrong_and_locked_do_the_same_work()
    {
        var known = await cluster.NewCaller().Enrolled();
        var locked = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await locked.PinOutcome("9071");
        var unknown = cluster.NewCaller();

        var ofKnown = await WorkOf(() => known.PinOutcome("9071"));
        var ofUnknown = await WorkOf(() => unknown.PinOutcome("9071"));
        var ofLockedWrong = await WorkOf(() => locked.PinOutcome("9071"));
        var ofLockedRight = await WorkOf(() => locked.PinOutcome(CallersCluster.Pin));

        Assert.Equal(new Work(FactorOutcome.Refused, 1, 1, 1), ofKnown);
        Assert.Equal(ofKnown, ofUnknown);
        Assert.Equal(ofKnown, ofLockedWrong);
        Assert.Equal(ofLockedWrong, ofLockedRight);
    }

    [Fact]
    public async Task A_locked_caller_is_told_only_where_the_tenant_wants_it()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));

        var told = await cluster.NewCaller(CallersCluster.TellingTenant).Enrolled();
        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, await told.PinOutcome("9071"));
        Assert.Equal(FactorOutcome.Locked, await told.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_pool_that_is_full_makes_the_answer_unavailable_and_counts_nothing()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.PinOutcome("9071");
        using var release = new ManualResetEventSlim();
        var fill = new List<Task<int?>>();
        do fill.Add(cluster.Pool.Run(() => { release.Wait(); return 1; }));
        while (!fill[^1].IsCompleted);
        var attempt = caller.Attempt(CallId.New(), FactorKind.Pin, "9072");
        for (var i = 0; i < 5; i++) Assert.Equal(FactorOutcome.Unavailable, (await caller.Grain.Verify(attempt)).Outcome);
        Assert.Equal(1, LockoutOf(caller)!.Failures);
        release.Set();
        await Task.WhenAll(fill);

        // The same attempt once more is now one that is verified, and counts.
        Assert.Equal(FactorOutcome.Refused, (await caller.Grain.Verify(attempt)).Outcome);
        Assert.Equal(2, LockoutOf(caller)!.Failures);
    }

    [Fact]
    public async Task An_unknown_account_locks_like_a_known_one()
    {
        var unknown = cluster.NewCaller();
        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, await unknown.PinOutcome(CallersCluster.Pin));
        Assert.Equal(FactorOutcome.Refused, await unknown.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task Every_answer_has_its_audit_record_which_holds_no_digit_or_account()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var call = CallId.New();
        await caller.TryPin("9071", call);
        await caller.TryPin(CallersCluster.Pin, call);
        var records = cluster.Ledger.All.Where(r => r.Entry.Object == call.Value).Select(r => r.Entry).ToList();
        Assert.Equal([AuditResult.Failure, AuditResult.Success], records.Select(r => r.Result));
        Assert.All(records, r =>
        {
            Assert.Equal("factor.verified", r.Action);
            Assert.Equal(caller.Key.Value, r.Actor);
            Assert.Equal("unattested", r.Origin);
            Assert.StartsWith("pin ", r.Detail, StringComparison.Ordinal);
        });
        Assert.DoesNotContain(cluster.Ledger.All, r => $"{r.Entry.Actor} {r.Entry.Object} {r.Entry.Detail}".Contains(caller.Account, StringComparison.Ordinal));
    }

    [Fact]
    public async Task PINs_are_hashed_off_the_grain_scheduler()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.PinOutcome(CallersCluster.Pin);
        Assert.Same(TaskScheduler.Default, cluster.Hasher.LastScheduler);
    }

    [Fact]
    public async Task A_PIN_hashed_at_an_old_cost_is_hashed_anew_when_it_was_right()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var state = cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId())!;
        var old = new PinCost(32, 2);
        await cluster.Storage.Replace("caller", caller.Grain.GetGrainId(), state.With(s => s.Pin = PinHash.Make("4826"u8, state.Pin!.Salt, old, cluster.Keys.Pepper, cluster.Keys.PepperVersion)));
        await cluster.ForgetActivations();

        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome("9071"));
        Assert.Equal(old, cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId())!.Pin!.Cost);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(new PinCost(64, 1), cluster.Storage.Stored<CallerState>("caller", caller.Grain.GetGrainId())!.Pin!.Cost);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    private static VerifiedCaller Like(VerifiedCaller proof, CallId? call = null, List<FactorKind>? factors = null, byte[]? mac = null, DateTimeOffset? at = null, RiskLevel? risk = null) => new()
    {
        Caller = proof.Caller,
        Call = call ?? proof.Call,
        Factors = factors ?? proof.Factors,
        Mac = mac ?? proof.Mac,
        At = at ?? proof.At,
        Risk = risk ?? proof.Risk,
        PinExpired = proof.PinExpired,
    };

    private async Task<FactorOutcome> PinThenCode(TestCaller caller, string code)
    {
        var call = CallId.New();
        var pin = await caller.TryPin(CallersCluster.Pin, call);
        Assert.Equal(FactorOutcome.Accepted, pin.Outcome);
        return (await caller.Grain.Verify(caller.Attempt(call, FactorKind.Totp, code, pin.Proof))).Outcome;
    }

    private Grains.Policies.LockoutState? LockoutOf(TestCaller caller) => cluster.Storage.Stored<Grains.Policies.LockoutState>("lockout", caller.Lockout().GetGrainId());

    private async Task<Work> WorkOf(Func<Task<FactorOutcome>> attempt)
    {
        var (hashes, writes, records) = (cluster.Hasher.Runs, cluster.Storage.Writes.Values.Sum(), cluster.Ledger.All.Count);
        var outcome = await attempt();
        return new Work(outcome, cluster.Hasher.Runs - hashes, cluster.Storage.Writes.Values.Sum() - writes, cluster.Ledger.All.Count - records);
    }

    private sealed record Work(FactorOutcome Outcome, int Hashes, int Writes, int Records);
}
