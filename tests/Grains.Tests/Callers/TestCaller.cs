using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>One account as a call grain and an enrolling operator see it.</summary>
internal sealed class TestCaller(CallersCluster cluster, string tenant, string account)
{
    private int _seq;

    public string Account => account;

    public CallerKey Key => CallerKey.ForAccount(cluster.Keys.PseudonymKey(tenant), tenant, account);

    public ICallerGrain Grain => cluster.Grains.GetGrain<ICallerGrain>(Key.Value);

    public ILockoutGrain Lockout(OriginClass origin = OriginClass.Unattested) => cluster.Grains.GetGrain<ILockoutGrain>(ILockoutGrain.Key(Key, origin));

    public Task<EnrolmentResult> Enrol(
        string pin = CallersCluster.Pin, byte[]? totp = null, long balance = 123_45, string? number = null, byte[]? hotp = null, CodeDestination? codesTo = null, DateTimeOffset? until = null, bool onlyNew = false) => Grain.Enrol(new CallerEnrolment
        {
            Tenant = tenant,
            Account = new PersonalText(account),
            Number = number is null ? null : new PhoneNumber(number),
            Pin = SecretSealer.Seal(cluster.Keys.SealingKey, Key.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(pin)),
            TotpKey = totp is null ? null : SecretSealer.Seal(cluster.Keys.SealingKey, Key.Value, CallerEnrolment.TotpPurpose, totp),
            HotpKey = hotp is null ? null : SecretSealer.Seal(cluster.Keys.SealingKey, Key.Value, CallerEnrolment.HotpPurpose, hotp),
            CodesTo = codesTo,
            Until = until,
            OnlyNew = onlyNew,
            Facts = new CallerFacts { Amounts = { ["balance"] = new Money { Minor = balance, Currency = "EUR" } } },
        });

    public async Task<TestCaller> Enrolled(
        string pin = CallersCluster.Pin, byte[]? totp = null, string? number = null, byte[]? hotp = null, CodeDestination? codesTo = null, DateTimeOffset? until = null)
    {
        var result = await Enrol(pin, totp, number: number, hotp: hotp, codesTo: codesTo, until: until);
        Assert.Null(result.Error);
        return this;
    }

    public Task<CallerFacts> Facts(VerifiedCaller proof, Assurance wanted, RiskLevel risk = RiskLevel.None) => Grain.ReadFacts(new FactsRequest { Proof = proof, Wanted = wanted, Risk = risk });

    public SealedSecret Seal(string context, string purpose, string secret) => SecretSealer.Seal(cluster.Keys.SealingKey, context, purpose, Encoding.ASCII.GetBytes(secret));

    /// <summary>What is stored of this caller.</summary>
    public CallerState State => cluster.Storage.Stored<CallerState>("caller", Grain.GetGrainId())!;

    /// <summary>Changes what is stored as another version of us, or time, does.</summary>
    public async Task Change(Action<CallerState> change)
    {
        await cluster.Storage.Replace("caller", Grain.GetGrainId(), State.With(change));
        await cluster.ForgetActivations();
    }

    public FactorAttempt Attempt(
        CallId call, FactorKind factor, string digits, VerifiedCaller? before = null, OriginClass origin = OriginClass.Unattested,
        Assurance wanted = Assurance.High, RiskLevel risk = RiskLevel.None, CallOrigin? from = null) => new()
        {
            Call = call,
            Seq = ++_seq,
            Tenant = tenant,
            Factor = factor,
            Digits = SecretSealer.Seal(cluster.Keys.SealingKey, call.Value, "digits", Encoding.ASCII.GetBytes(digits)),
            Purpose = "digits",
            Origin = origin,
            Before = before,
            Wanted = wanted,
            Risk = risk,
            From = from,
        };

    public Task<FactorResult> TryPin(
        string pin, CallId? call = null, OriginClass origin = OriginClass.Unattested, Assurance wanted = Assurance.High, RiskLevel risk = RiskLevel.None, CallOrigin? from = null) =>
        Grain.Verify(Attempt(call ?? CallId.New(), FactorKind.Pin, pin, origin: origin, wanted: wanted, risk: risk, from: from));

    /// <summary>Keys another factor after the PIN of the same call.</summary>
    public Task<FactorResult> TryAfter(FactorResult pin, FactorKind factor, string digits) => Grain.Verify(Attempt(pin.Proof!.Call, factor, digits, pin.Proof));

    /// <summary>The last beginning again, as an edge sends it whose silo went.</summary>
    public Task<BeginOutcome> BeginAgain(FactorResult pin, FactorKind factor = FactorKind.SentCode)
    {
        _seq--;
        return Begin(pin, factor);
    }

    public async Task<BeginOutcome> Begin(FactorResult pin, FactorKind factor = FactorKind.SentCode) => (await Grain.Begin(new FactorBegin
    {
        Call = pin.Proof!.Call,
        Seq = ++_seq,
        Tenant = tenant,
        Factor = factor,
        Proof = pin.Proof,
        Origin = OriginClass.Unattested,
        Language = "en",
    })).Outcome;

    public PinChange Choice(VerifiedCaller proof, string first, string? second = null) => new()
    {
        Call = proof.Call,
        Seq = ++_seq,
        Tenant = tenant,
        First = Seal(proof.Call.Value, "first", first),
        FirstPurpose = "first",
        Second = Seal(proof.Call.Value, "second", second ?? first),
        SecondPurpose = "second",
        Proof = proof,
        Origin = OriginClass.Unattested,
    };

    public async Task<FactorOutcome> PinOutcome(string pin, OriginClass origin = OriginClass.Unattested) => (await TryPin(pin, origin: origin)).Outcome;

    /// <summary>The code that the caller's app shows so many steps from now.</summary>
    public string Code(int steps = 0)
    {
        var code = new byte[6];
        Hotp.Write(System.Security.Cryptography.HashAlgorithmName.SHA1, CallersCluster.TotpKey, Totp.StepOf(cluster.Time.GetUtcNow()) + steps, code);
        return Encoding.ASCII.GetString(code);
    }
}
