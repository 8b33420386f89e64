using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Tests.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>What each factor that is used up takes, and when it takes it no more.</summary>
public sealed class OneTimeFactorTests
{
    private static readonly byte[] s_seed = Encoding.ASCII.GetBytes("12345678901234567890");
    private static readonly DateTimeOffset s_now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly FactorContext s_call = new(s_now, new CallId("call-1"), null);
    private static readonly FactorContext s_attested = s_call with { From = new CallOrigin { Trunk = "local", Class = OriginClass.Attested, Attestation = Attestation.A, Source = "source" } };

    private readonly TestKeys _keys = new();
    private readonly TestDelivery _delivery = new();

    [Theory]
    [InlineData(3, false), InlineData(4, true), InlineData(5, true), InlineData(4 + HotpFactor.LookAhead, true), InlineData(5 + HotpFactor.LookAhead, false)]
    public void A_token_may_be_a_few_presses_ahead_and_none_behind(long counter, bool accepted) =>
        Assert.Equal(accepted, new HotpFactor().Verify(s_call, Token(4), Code(counter)).Accepted);

    [Fact]
    public void The_codes_of_RFC_4226_are_taken_in_their_order_and_each_once()
    {
        var factor = new HotpFactor();
        var caller = Token(0);
        foreach (var code in new[] { "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489" })
        {
            var check = factor.Verify(s_call, caller, Encoding.ASCII.GetBytes(code));
            Assert.True(check.Accepted);
            caller = check.Next!;
            Assert.False(factor.Verify(s_call, caller, Encoding.ASCII.GetBytes(code)).Accepted);
        }
        Assert.Equal(10, caller.Hotp!.Counter);
    }

    [Fact]
    public void A_token_that_ran_far_ahead_is_found_by_two_codes_in_a_row()
    {
        var factor = new HotpFactor();
        var first = factor.Verify(s_call, Token(0), Code(60));
        Assert.False(first.Accepted);
        Assert.False(factor.Verify(s_call, first.Next, Code(60)).Accepted);
        Assert.False(factor.Verify(s_call, first.Next, Code(62)).Accepted);
        var second = factor.Verify(s_call, first.Next, Code(61));
        Assert.True(second.Accepted);
        Assert.Equal((62, null), (second.Next!.Hotp!.Counter, second.Next.Hotp.Seen));
        Assert.False(factor.Verify(s_call, second.Next, Code(61)).Accepted);
    }

    [Fact]
    public void A_token_that_ran_too_far_ahead_is_not_found()
    {
        var first = new HotpFactor().Verify(s_call, Token(0), Code(HotpFactor.ResyncAhead + 1));
        Assert.Equal((false, null), (first.Accepted, first.Next));
    }

    [Fact]
    public void Each_recovery_code_counts_once_and_new_ones_end_the_old()
    {
        var factor = new RecoveryCodeFactor(_keys);
        var (caller, codes) = WithRecoveryCodes(factor);
        Assert.Equal(RecoveryCodeFactor.Codes, codes.Distinct().Count());
        Assert.All(codes, code => Assert.Equal((RecoveryCodeFactor.Digits, true), (code.Length, code.All(char.IsAsciiDigit))));
        foreach (var code in codes)
        {
            var check = factor.Verify(s_call, caller, Encoding.ASCII.GetBytes(code));
            Assert.True(check.Accepted);
            caller = check.Next!;
            Assert.False(factor.Verify(s_call, caller, Encoding.ASCII.GetBytes(code)).Accepted);
        }
        Assert.False(factor.IsEnrolled(caller));
        var (renewed, _) = WithRecoveryCodes(factor);
        Assert.All(codes, code => Assert.False(factor.Verify(s_call, renewed, Encoding.ASCII.GetBytes(code)).Accepted));
        Assert.False(factor.Verify(s_call, null, Encoding.ASCII.GetBytes(codes[0])).Accepted);
    }

    [Fact]
    public void Recovery_codes_outlive_a_new_pepper_and_need_the_one_they_were_made_under()
    {
        var factor = new RecoveryCodeFactor(_keys);
        var (caller, codes) = WithRecoveryCodes(factor);
        _keys.AddPepper();
        Assert.True(factor.Verify(s_call, caller, Encoding.ASCII.GetBytes(codes[3])).Accepted);
        Assert.False(new RecoveryCodeFactor(new TestKeys()).Verify(s_call, caller, Encoding.ASCII.GetBytes(codes[3])).Accepted);
    }

    [Fact]
    public async Task A_sent_code_counts_once_in_its_call_and_within_ten_minutes()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var start = factor.Begin(s_call, Reachable());
        Assert.Equal(BeginOutcome.Sent, start.Outcome);
        Assert.True(await start.Send!(default));
        var (message, code) = _delivery.Sent.Last();
        Assert.Equal(("+491701234567", null, s_call.Call, s_now + SentCodeFactor.Life), (message.Number?.Reveal(), message.Address, message.Call, message.Expires));
        Assert.Equal(SentCodeFactor.Digits, code.Length);
        Assert.InRange(SentCodeFactor.Life, TimeSpan.Zero, TimeSpan.FromMinutes(10));

        var digits = Encoding.ASCII.GetBytes(code);
        Assert.False(factor.Verify(s_call with { Call = new CallId("call-2") }, start.Next, digits).Accepted);
        Assert.False(factor.Verify(s_call with { Now = s_now + SentCodeFactor.Life }, start.Next, digits).Accepted);
        Assert.False(factor.Verify(s_call, start.Next, "000000x"u8).Accepted);
        var check = factor.Verify(s_call with { Now = s_now + SentCodeFactor.Life - TimeSpan.FromSeconds(1) }, start.Next, digits);
        Assert.True(check.Accepted);
        Assert.False(factor.Verify(s_call, check.Next, digits).Accepted);
        Assert.Equal(-1, start.Next!.Sent!.Tag.Tag.AsSpan().IndexOf(digits));
    }

    [Fact]
    public async Task A_new_code_ends_the_one_before_and_only_so_many_are_sent_within_an_hour()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var caller = Reachable();
        var codes = new List<string>();
        for (var i = 0; i < SentCodeFactor.MostAnHour; i++)
        {
            var start = factor.Begin(s_attested with { Now = s_now.AddMinutes(i) }, caller);
            Assert.True(await start.Send!(default));
            caller = start.Next!;
            codes.Add(_delivery.Last);
        }
        var context = s_attested with { Now = s_now.AddMinutes(SentCodeFactor.MostAnHour) };
        Assert.All(codes.SkipLast(1).Where(c => c != codes[^1]), code => Assert.False(factor.Verify(context, caller, Encoding.ASCII.GetBytes(code)).Accepted));
        Assert.True(factor.Verify(context, caller, Encoding.ASCII.GetBytes(codes[^1])).Accepted);

        Assert.Equal(BeginOutcome.Limited, factor.Begin(context, caller).Outcome);
        Assert.False(factor.CanBeAsked(context, caller));
        Assert.Equal(BeginOutcome.Sent, factor.Begin(s_attested with { Now = s_now.AddMinutes(61) }, caller).Outcome);
    }

    [Fact]
    public void Codes_are_limited_in_a_day_too()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var caller = Reachable();
        for (var i = 0; i < AskedTimes.MostADay; i++) caller = factor.Begin(s_attested with { Now = s_now.AddHours(i) }, caller).Next!;
        Assert.Equal(BeginOutcome.Limited, factor.Begin(s_attested with { Now = s_now.AddHours(23.9) }, caller).Outcome);
        Assert.Equal(BeginOutcome.Sent, factor.Begin(s_attested with { Now = s_now.AddHours(24) }, caller).Outcome);
    }

    [Fact]
    public void Whoever_calls_without_attestation_leaves_two_codes_to_attested_callers()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var caller = Reachable();
        for (var i = 0; i < 3; i++) caller = factor.Begin(s_call, caller).Next!;
        Assert.Equal(BeginOutcome.Limited, factor.Begin(s_call, caller).Outcome);
        for (var i = 0; i < 2; i++) caller = factor.Begin(s_attested, caller).Next!;
        Assert.Equal(BeginOutcome.Limited, factor.Begin(s_attested, caller).Outcome);
    }

    [Fact]
    public void The_code_that_an_attested_caller_waits_for_is_replaced_by_no_other()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var caller = factor.Begin(s_attested, Reachable()).Next!;
        var other = s_call with { Call = new CallId("call-2") };
        Assert.Equal(BeginOutcome.Limited, factor.Begin(other, caller).Outcome);
        Assert.Equal(BeginOutcome.Sent, factor.Begin(s_attested with { Call = other.Call }, caller).Outcome);
        Assert.Equal(BeginOutcome.Sent, factor.Begin(other with { Now = s_now + SentCodeFactor.Life }, caller).Outcome);
    }

    [Fact]
    public void Questions_to_a_device_are_limited_in_a_day_too()
    {
        var asked = new List<DateTimeOffset>();
        for (var i = 0; i < AskedTimes.MostADay; i++) asked.Add(s_now.AddHours(i));
        Assert.True(AskedTimes.AreUsedUp(asked, s_now.AddHours(23.9), DeviceFactor.MostAnHour));
        Assert.False(AskedTimes.AreUsedUp(asked, s_now.AddHours(24), DeviceFactor.MostAnHour));
    }

    [Fact]
    public void A_code_goes_nowhere_new_before_its_day_nor_where_nobody_carries_it()
    {
        var factor = new SentCodeFactor(_keys, _delivery);
        var changed = Reachable(from: s_now.AddSeconds(1));
        Assert.Equal(BeginOutcome.Unavailable, factor.Begin(s_call, changed).Outcome);
        Assert.False(factor.CanBeAsked(s_call, changed));
        Assert.Equal(BeginOutcome.Sent, factor.Begin(s_call with { Now = s_now.AddSeconds(1) }, changed).Outcome);
        Assert.Equal(BeginOutcome.Unavailable, factor.Begin(s_call, Reachable(CodeChannel.Voice)).Outcome);
        Assert.Equal(BeginOutcome.Unavailable, factor.Begin(s_call, new CallerState()).Outcome);
    }

    [Theory]
    [InlineData(Attestation.A, "+49 170 1234567", true), InlineData(Attestation.A, "4917012345678", false)]
    [InlineData(Attestation.B, "+491701234567", false), InlineData(Attestation.Failed, "+491701234567", false), InlineData(Attestation.None, "+491701234567", false)]
    public void Only_full_attestation_of_the_registered_number_is_a_factor(Attestation attestation, string calling, bool accepted)
    {
        var origin = new CallOrigin
        {
            Trunk = "carrier",
            Class = OriginClass.Attested,
            Attestation = attestation,
            Calling = CallOrigins.KeyOf(new PhoneNumber(calling), "demo", _keys.PseudonymKey("demo")),
            Source = "s:1",
        };
        var caller = new CallerState { Tenant = "demo", Number = new PhoneNumber("+491701234567") };
        var factor = new AttestationFactor(_keys);
        Assert.Equal(accepted, factor.Verify(s_call with { From = origin }, caller, []).Accepted);
        Assert.False(factor.Verify(s_call with { From = origin }, new CallerState { Tenant = "demo" }, []).Accepted);
        Assert.False(factor.Verify(s_call, caller, []).Accepted);
    }

    private static CallerState Token(long counter) => new() { Hotp = new HotpToken { Key = s_seed, Counter = counter } };

    private static byte[] Code(long counter)
    {
        var code = new byte[Hotp.Digits];
        Hotp.Write(HashAlgorithmName.SHA1, s_seed, counter, code);
        return code;
    }

    private static CallerState Reachable(CodeChannel channel = CodeChannel.Sms, DateTimeOffset from = default) => new()
    {
        Tenant = "demo",
        CodesTo = new CodeRoute { To = new CodeDestination { Channel = channel, Address = new PersonalText("+491701234567") }, From = from },
    };

    private static (CallerState Caller, List<string> Codes) WithRecoveryCodes(RecoveryCodeFactor factor)
    {
        var (kept, given) = factor.Make();
        using (given) return (new CallerState { RecoveryCodes = kept }, [.. Encoding.ASCII.GetString(given.Expose()).Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
    }
}
