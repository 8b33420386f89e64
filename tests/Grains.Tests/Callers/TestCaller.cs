using System.Text;
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

    public Task<EnrolmentResult> Enrol(string pin = CallersCluster.Pin, byte[]? totp = null, long balance = 123_45, string? number = null) => Grain.Enrol(new CallerEnrolment
    {
        Tenant = tenant,
        Account = new PersonalText(account),
        Number = number is null ? null : new PhoneNumber(number),
        Pin = SecretSealer.Seal(cluster.Keys.SealingKey, Key.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(pin)),
        TotpKey = totp is null ? null : SecretSealer.Seal(cluster.Keys.SealingKey, Key.Value, CallerEnrolment.TotpPurpose, totp),
        Facts = new CallerFacts { Amounts = { ["balance"] = new Money { Minor = balance, Currency = "EUR" } } },
    });

    public async Task<TestCaller> Enrolled(string pin = CallersCluster.Pin, byte[]? totp = null)
    {
        var result = await Enrol(pin, totp);
        Assert.Null(result.Error);
        return this;
    }

    public FactorAttempt Attempt(CallId call, FactorKind factor, string digits, VerifiedCaller? before = null, OriginClass origin = OriginClass.Unattested) => new()
    {
        Call = call,
        Seq = ++_seq,
        Tenant = tenant,
        Factor = factor,
        Digits = SecretSealer.Seal(cluster.Keys.SealingKey, call.Value, "digits", Encoding.ASCII.GetBytes(digits)),
        Purpose = "digits",
        Origin = origin,
        Before = before,
    };

    public Task<FactorResult> TryPin(string pin, CallId? call = null, OriginClass origin = OriginClass.Unattested) =>
        Grain.Verify(Attempt(call ?? CallId.New(), FactorKind.Pin, pin, origin: origin));

    public async Task<FactorOutcome> PinOutcome(string pin, OriginClass origin = OriginClass.Unattested) => (await TryPin(pin, origin: origin)).Outcome;

    /// <summary>The code that the caller's app shows so many steps from now.</summary>
    public string Code(int steps = 0)
    {
        var code = new byte[6];
        Totp.Write(System.Security.Cryptography.HashAlgorithmName.SHA1, CallersCluster.TotpKey, Totp.StepOf(cluster.Time.GetUtcNow()) + steps, code);
        return Encoding.ASCII.GetString(code);
    }
}
