using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>Changes of factors: by the caller on the telephone, by an operator, by time, and by new keys of the cluster.</summary>
[Collection(CallersCluster.Name)]
public sealed class RebindingTests(CallersCluster cluster)
{
    private static readonly CodeDestination s_mobile = new() { Channel = CodeChannel.Sms, Address = new PersonalText("+491701234567") };

    [Fact]
    public async Task A_caller_who_proved_enough_chooses_another_PIN()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var change = caller.Choice((await Proven(caller)).Proof!, "7394");
        var changed = await caller.Grain.ChangePin(change);
        Assert.Equal((PinChangeOutcome.Changed, Assurance.High), (changed.Outcome, changed.Reached));
        Assert.Single((await caller.Facts(changed.Proof!, Assurance.High)).Amounts);
        // The same order again, after a crash, is not a second one.
        await cluster.ForgetActivations();
        Assert.Equal(PinChangeOutcome.Changed, (await caller.Grain.ChangePin(change)).Outcome);
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome("7394"));
    }

    [Fact]
    public async Task The_PIN_alone_changes_nothing_nor_does_a_proof_of_another_call_or_caller()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var other = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var pin = await caller.TryPin(CallersCluster.Pin);
        var full = await Proven(caller);
        var ofAnother = await Proven(other);
        var elsewhere = caller.Choice(pin.Proof!, "7394");
        var moved = new PinChange
        {
            Call = elsewhere.Call,
            Seq = elsewhere.Seq,
            Tenant = elsewhere.Tenant,
            First = elsewhere.First,
            FirstPurpose = elsewhere.FirstPurpose,
            Second = elsewhere.Second,
            SecondPurpose = elsewhere.SecondPurpose,
            Proof = full.Proof!,
            Origin = OriginClass.Unattested,
        };
        foreach (var change in new[] { elsewhere, moved, caller.Choice(ofAnother.Proof!, "7394") })
            Assert.Equal(PinChangeOutcome.Refused, (await caller.Grain.ChangePin(change)).Outcome);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Theory]
    [InlineData("7394", "7395", PinChangeOutcome.Different), InlineData("7394", "73941", PinChangeOutcome.Different)]
    [InlineData("123", null, PinChangeOutcome.Weak), InlineData("739451620", null, PinChangeOutcome.Weak), InlineData("7*94", null, PinChangeOutcome.Weak)]
    [InlineData("1234", null, PinChangeOutcome.Weak), InlineData("8888", null, PinChangeOutcome.Weak), InlineData(CallersCluster.Pin, null, PinChangeOutcome.Weak)]
    [InlineData("1701", null, PinChangeOutcome.Weak)]
    public async Task A_new_PIN_is_keyed_twice_and_is_hard_to_guess(string first, string? second, PinChangeOutcome outcome)
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, number: "+491701234567");
        var proven = await Proven(caller);
        Assert.Equal(outcome, (await caller.Grain.ChangePin(caller.Choice(proven.Proof!, first, second))).Outcome);
        // Part of the account.
        Assert.Equal(PinChangeOutcome.Weak, (await caller.Grain.ChangePin(caller.Choice(proven.Proof!, caller.Account[2..7]))).Outcome);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_change_is_recorded_without_the_PIN_or_does_not_happen()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var proven = await Proven(caller);
        cluster.Ledger.BeforeAppend = _ => throw new IOException("ledger is full");
        Assert.Equal(PinChangeOutcome.Unavailable, (await caller.Grain.ChangePin(caller.Choice(proven.Proof!, "7394"))).Outcome);
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));

        await caller.Grain.ChangePin(caller.Choice(proven.Proof!, "7394", "7395"));
        await caller.Grain.ChangePin(caller.Choice(proven.Proof!, "7394"));
        var records = cluster.Ledger.All.Where(r => r.Entry.Action == "pin.changed" && r.Entry.Actor == caller.Key.Value).Select(r => r.Entry).ToList();
        Assert.Equal([AuditResult.Failure, AuditResult.Success], records.Select(r => r.Result));
        Assert.All(records, r => Assert.DoesNotContain("7394", r.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_expired_PIN_opens_nothing_but_its_own_change()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.Change(s => s.PinSetAt -= TimeSpan.FromDays(365));
        Assert.Equal((FactorOutcome.Refused, false), (await caller.TryPin("9071")) is var wrong ? (wrong.Outcome, wrong.MustChange) : default);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal((FactorOutcome.Accepted, true, Assurance.None, null), (pin.Outcome, pin.MustChange, pin.Reached, pin.Next));
        Assert.Empty((await caller.Facts(pin.Proof!, Assurance.Low)).Amounts);

        var changed = await caller.Grain.ChangePin(caller.Choice(pin.Proof!, "7394"));
        Assert.Equal((PinChangeOutcome.Changed, Assurance.Low), (changed.Outcome, changed.Reached));
        Assert.Single((await caller.Facts(changed.Proof!, Assurance.Low)).Amounts);
        // The proof of the old one is worth what it was.
        Assert.Empty((await caller.Facts(pin.Proof!, Assurance.Low)).Amounts);
        Assert.False((await caller.TryPin("7394")).MustChange);
    }

    [Fact]
    public async Task A_proof_opens_nothing_after_factors_were_bound_anew()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        var proven = await Proven(caller);
        cluster.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, Pin = caller.Seal(caller.Key.Value, CallerEnrolment.PinPurpose, "7394") })).Error);
        Assert.Empty((await caller.Facts(proven.Proof!, Assurance.Low)).Amounts);
        Assert.Equal(PinChangeOutcome.Refused, (await caller.Grain.ChangePin(caller.Choice(proven.Proof!, "9071"))).Outcome);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome("7394"));
    }

    [Fact]
    public async Task An_expired_PIN_is_not_changed_by_itself_where_the_call_is_at_risk()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.Change(s => s.PinSetAt -= TimeSpan.FromDays(365));
        var pin = await caller.TryPin(CallersCluster.Pin, risk: RiskLevel.Raised);
        Assert.True(pin.MustChange);
        Assert.Equal(PinChangeOutcome.Refused, (await caller.Grain.ChangePin(caller.Choice(pin.Proof!, "7394"))).Outcome);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_proof_of_an_expired_PIN_changes_none_that_is_not_expired()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.Change(s => s.PinSetAt -= TimeSpan.FromDays(365));
        var pin = await caller.TryPin(CallersCluster.Pin);
        await caller.Change(s => s.PinSetAt += TimeSpan.FromDays(365));
        Assert.Equal(PinChangeOutcome.Refused, (await caller.Grain.ChangePin(caller.Choice(pin.Proof!, "7394"))).Outcome);
    }

    [Fact]
    public async Task A_PIN_of_which_nobody_knows_the_age_is_as_old_as_its_next_success()
    {
        var caller = await cluster.NewCaller().Enrolled();
        await caller.Change(s => s.PinSetAt = default);
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome("9071"));
        Assert.Equal(default, caller.State.PinSetAt);
        Assert.False((await caller.TryPin(CallersCluster.Pin)).MustChange);
        Assert.Equal(cluster.Time.GetUtcNow(), caller.State.PinSetAt, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_new_pepper_takes_over_a_PIN_at_its_next_success()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var before = caller.State.Pin!;
        cluster.Keys.AddPepper();
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome("9071"));
        Assert.Equal(before.Tag, caller.State.Pin!.Tag);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(cluster.Keys.PepperVersion, caller.State.Pin!.PepperVersion);
        Assert.Equal(FactorOutcome.Accepted, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task A_locked_caller_whose_PIN_is_to_be_hashed_anew_costs_one_hash_whether_it_is_right_or_wrong()
    {
        var caller = await cluster.NewCaller().Enrolled();
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        cluster.Keys.AddPepper();
        foreach (var pin in new[] { CallersCluster.Pin, "9071" })
        {
            var before = cluster.Hasher.Runs;
            Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(pin));
            Assert.Equal(1, cluster.Hasher.Runs - before);
        }
    }

    [Fact]
    public async Task A_PIN_under_a_pepper_that_is_not_known_here_cannot_be_told_right_or_wrong()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var pin = caller.State.Pin!;
        await caller.Change(s => s.Pin = new PinHash { Salt = pin.Salt, Cost = pin.Cost, Tag = pin.Tag, Pepper = 99 });
        Assert.Equal(FactorOutcome.Unavailable, await caller.PinOutcome(CallersCluster.Pin));
        Assert.Equal(FactorOutcome.Unavailable, await caller.PinOutcome("9071"));
    }

    [Fact]
    public async Task An_operator_binds_one_factor_anew_and_leaves_the_rest()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey, number: "+491701234567");
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        RequestContext.Set(RequestActor.ContextKey, "olga");
        Assert.Null((await caller.Grain.Rebind(new CallerRebinding
        {
            Tenant = CallersCluster.Tenant,
            Pin = caller.Seal(caller.Key.Value, CallerEnrolment.PinPurpose, "7394"),
            Lost = [FactorKind.Totp],
        })).Error);
        RequestContext.Clear();
        Assert.Equal((null, "+491701234567"), (caller.State.TotpKey, caller.State.Number!.Reveal()));
        var pin = await caller.TryPin("7394");
        Assert.Equal((FactorOutcome.Accepted, null), (pin.Outcome, pin.Next));
        Assert.Single((await caller.Facts(pin.Proof!, Assurance.Low)).Amounts);
        var entry = Assert.Single(cluster.Ledger.All, r => r.Entry.Action == "operator.rebind" && r.Entry.Object == caller.Key.Value).Entry;
        Assert.Equal(("olga", "pin+call_back+attestation"), (entry.Actor, entry.Detail.Split(' ')[0]));
    }

    [Fact]
    public async Task A_lock_stays_where_the_PIN_is_not_bound_anew()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        for (var i = 0; i < 3; i++) await caller.PinOutcome("9071");
        Assert.Null((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, Lost = [FactorKind.Totp] })).Error);
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task Nobody_is_bound_anew_who_was_never_enrolled_nor_without_a_PIN()
    {
        var rebinding = new CallerRebinding { Tenant = CallersCluster.Tenant, Lost = [FactorKind.Totp] };
        Assert.NotNull((await cluster.NewCaller().Grain.Rebind(rebinding)).Error);
        var caller = await cluster.NewCaller().Enrolled();
        Assert.NotNull((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, Lost = [FactorKind.Pin] })).Error);
        Assert.NotNull((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, Pin = caller.Seal(caller.Key.Value, CallerEnrolment.PinPurpose, "1234") })).Error);
        Assert.NotNull((await caller.Grain.Rebind(new CallerRebinding { Tenant = "nobody", Lost = [FactorKind.Totp] })).Error);
    }

    [Fact]
    public async Task A_destination_of_codes_that_replaces_another_waits_a_day()
    {
        var caller = await cluster.NewCaller().Enrolled(codesTo: s_mobile);
        Assert.Equal(FactorKind.SentCode, (await caller.TryPin(CallersCluster.Pin)).Next);
        var elsewhere = new CodeDestination { Channel = CodeChannel.Email, Address = new PersonalText("anna@example.net") };
        Assert.Null((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, CodesTo = elsewhere })).Error);
        Assert.Null((await caller.TryPin(CallersCluster.Pin)).Next);
        // The same once more does not begin the day again, and is no way around it.
        await caller.Enrolled(codesTo: elsewhere);
        Assert.Null((await caller.TryPin(CallersCluster.Pin)).Next);
        cluster.Time.Advance(SentCodeFactor.CoolDown);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(pin));
        Assert.Equal("anna@example.net", cluster.Delivery.Sent.Last().Message.Address!.Reveal());
    }

    [Theory]
    [InlineData(CodeChannel.Sms, "+491701234567", true), InlineData(CodeChannel.Sms, "491701234567", false), InlineData(CodeChannel.Voice, "+0491701234567", false)]
    [InlineData(CodeChannel.Sms, "+49170123456789012", false), InlineData(CodeChannel.Sms, "anna@example.net", false)]
    [InlineData(CodeChannel.Email, "anna@example.net", true), InlineData(CodeChannel.Email, "anna@", false), InlineData(CodeChannel.Email, "@example.net", false)]
    [InlineData(CodeChannel.Email, "anna@example.net\r\nBcc: eve@example.org", false), InlineData(CodeChannel.Email, "a@b@c", false)]
    public async Task A_destination_of_codes_is_a_number_or_an_address(CodeChannel channel, string address, bool enrolled) =>
        Assert.Equal(enrolled, (await cluster.NewCaller().Enrol(codesTo: new CodeDestination { Channel = channel, Address = new PersonalText(address) })).Error is null);

    [Fact]
    public async Task Recovery_codes_are_made_here_read_by_who_asked_and_stand_in_once()
    {
        var caller = await cluster.NewCaller().Enrolled(totp: CallersCluster.TotpKey);
        using var operators = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var made = await caller.Grain.MakeRecoveryCodes(new RecoveryCodesRequest { Tenant = CallersCluster.Tenant, To = SecretSealer.PublicKeyOf("mine", operators) });
        Assert.Null(made.Error);
        using var opened = SecretSealer.Open(operators, caller.Key.Value, RecoveryCodesRequest.Purpose, made.Codes!)!;
        var codes = Encoding.ASCII.GetString(opened.Expose()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(10, codes.Length);

        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal([FactorKind.RecoveryCode], pin.Others);
        Assert.Equal(Assurance.High, (await caller.TryAfter(pin, FactorKind.RecoveryCode, codes[0])).Reached);
        await cluster.ForgetActivations();
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(await caller.TryPin(CallersCluster.Pin), FactorKind.RecoveryCode, codes[0])).Outcome);
        Assert.Equal(9, caller.State.RecoveryCodes.Count);
        Assert.Contains(cluster.Ledger.All, r => r.Entry.Action == "operator.recovery-codes" && r.Entry.Object == caller.Key.Value);

        Assert.NotNull((await cluster.NewCaller().Grain.MakeRecoveryCodes(new RecoveryCodesRequest { Tenant = CallersCluster.Tenant, To = SecretSealer.PublicKeyOf("mine", operators) })).Error);
    }

    [Fact]
    public async Task The_same_token_enrolled_again_brings_no_used_code_back()
    {
        var caller = await cluster.NewCaller().Enrolled(hotp: CallersCluster.TotpKey);
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorOutcome.Accepted, (await caller.TryAfter(pin, FactorKind.Hotp, "755224")).Outcome);
        await caller.Enrolled(hotp: CallersCluster.TotpKey);
        Assert.Equal(1, caller.State.Hotp!.Counter);
    }

    private static async Task<FactorResult> Proven(TestCaller caller)
    {
        var pin = await caller.TryPin(CallersCluster.Pin);
        return await caller.TryAfter(pin, FactorKind.Totp, caller.Code());
    }
}
