using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

[Collection(CallersCluster.Name)]
public sealed class DeviceTests(CallersCluster cluster) : IDisposable
{
    private readonly SoftDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public async Task A_call_that_its_device_approves_is_verified_by_the_number_that_the_device_shows()
    {
        var (caller, page) = await Registered();
        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.Equal(FactorKind.Device, pin.Next);
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(pin, FactorKind.Device));

        var question = await caller.Grain.LookForCall(page);
        Assert.Equal(CallersCluster.Tenant, question!.Tenant);
        Assert.Equal(cluster.Time.GetUtcNow(), question.At, TimeSpan.FromMinutes(1));
        var number = await Answer(caller, page, _device.Sign(question.Options));

        var result = await caller.TryAfter(pin, FactorKind.Device, number!);
        Assert.Equal((FactorOutcome.Accepted, Assurance.High), (result.Outcome, result.Reached));
        Assert.Equal(["pin", "device"], result.Proof!.Factors.Select(FactorTraits.NameOf));
        Assert.Contains(cluster.Ledger.Of(CallersCluster.Tenant), r => r.Entry is { Action: "device.approved" } entry && entry.Object == pin.Proof!.Call.Value && entry.Actor == caller.Key.Value);
    }

    [Fact]
    public async Task A_question_that_comes_again_because_a_silo_went_is_the_same_question()
    {
        var (caller, page) = await Registered();
        var pin = await caller.TryPin(CallersCluster.Pin);
        await caller.Begin(pin, FactorKind.Device);
        var question = (await caller.Grain.LookForCall(page))!.Options;
        await cluster.ForgetActivations();
        Assert.Equal(BeginOutcome.Sent, await caller.BeginAgain(pin, FactorKind.Device));
        Assert.Equal(question, (await caller.Grain.LookForCall(page))!.Options);
    }

    [Fact]
    public async Task The_number_counts_once_and_in_its_call_only()
    {
        var (caller, page) = await Registered();
        var pin = await caller.TryPin(CallersCluster.Pin);
        var other = await caller.TryPin(CallersCluster.Pin);
        await caller.Begin(pin, FactorKind.Device);
        var number = await Approve(caller, page);

        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(other, FactorKind.Device, number!)).Outcome);
        Assert.Equal(FactorOutcome.Accepted, (await caller.TryAfter(pin, FactorKind.Device, number!)).Outcome);
        Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.Device, number!)).Outcome);
    }

    [Fact]
    public async Task Without_an_approval_no_number_is_right_and_a_wrong_one_counts_in_the_lockout()
    {
        var (caller, _) = await Registered();
        var pin = await caller.TryPin(CallersCluster.Pin);
        await caller.Begin(pin, FactorKind.Device);

        for (var i = 0; i < 3; i++) Assert.Equal(FactorOutcome.Refused, (await caller.TryAfter(pin, FactorKind.Device, $"000{i}")).Outcome);

        // Locked, which is not told.
        Assert.Equal(FactorOutcome.Refused, await caller.PinOutcome(CallersCluster.Pin));
    }

    public static TheoryData<string> Wrongs => ["origin", "domain", "unverified user", "copied device", "another device", "old challenge", "garbage", "no JSON"];

    [Theory, MemberData(nameof(Wrongs))]
    public async Task An_answer_that_is_not_right_is_refused_and_uses_the_question_up(string what)
    {
        var (caller, page) = await Registered();
        await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device);
        var old = (await caller.Grain.LookForCall(page))!.Options;
        if (what == "old challenge") await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device);
        var options = what == "old challenge" ? old : (await caller.Grain.LookForCall(page))!.Options;
        if (what == "origin") _device.Origin = "https://ivr.example";
        if (what == "domain") _device.Domain = "evil.example";
        if (what == "unverified user") _device.VerifiesUser = false;
        if (what == "copied device") _device.Count = 3;
        using var other = new SoftDevice();
        var response = what switch { "another device" => other.Sign(options), "garbage" => "{\"id\":\"AA\",\"rawId\":\"AA\",\"type\":\"public-key\",\"response\":{}}", "no JSON" => "yes", _ => _device.Sign(options) };

        Assert.Null(await Answer(caller, page, response));

        Assert.Null(await caller.Grain.LookForCall(page));
        Assert.Contains(cluster.Ledger.Of(CallersCluster.Tenant), r => r.Entry is { Action: "device.approved", Result: Interfaces.Audit.AuditResult.Failure } entry && entry.Actor == caller.Key.Value);
    }

    [Fact]
    public async Task A_question_is_answered_once_within_two_minutes_and_can_be_denied()
    {
        var (caller, page) = await Registered();
        await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device);
        var signed = _device.Sign((await caller.Grain.LookForCall(page))!.Options);
        Assert.NotNull(await Answer(caller, page, signed));
        Assert.Null(await Answer(caller, page, signed));

        await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device);
        Assert.Null(await Answer(caller, page, null));
        Assert.Null(await caller.Grain.LookForCall(page));

        await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device);
        signed = _device.Sign((await caller.Grain.LookForCall(page))!.Options);
        cluster.Time.Advance(DeviceFactor.Life);
        Assert.Null(await caller.Grain.LookForCall(page));
        Assert.Null(await Answer(caller, page, signed));
    }

    [Fact]
    public async Task Questions_are_limited_and_come_only_after_the_PIN()
    {
        var (caller, page) = await Registered();
        for (var i = 0; i < DeviceFactor.MostAnHour; i++) Assert.Equal(BeginOutcome.Sent, await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device));

        var pin = await caller.TryPin(CallersCluster.Pin);
        Assert.True(pin.Next is not FactorKind.Device);
        Assert.Equal(BeginOutcome.Limited, await caller.Begin(pin, FactorKind.Device));
        cluster.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(BeginOutcome.Sent, await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device));
        Assert.NotNull(await caller.Grain.LookForCall(page));
    }

    [Fact]
    public async Task A_link_registers_one_device_within_a_day_and_nobody_else_s_secret_does_anything()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var link = await caller.Grain.MakeDeviceLink(CallersCluster.Tenant);
        var other = await cluster.NewCaller().Enrolled();
        Assert.Null(await other.Grain.BeginDevice(link.Secret!));
        Assert.Null(await caller.Grain.BeginDevice(new PageSecret(caller.Key.Value + "." + new string('A', 43))));
        Assert.Null(await caller.Grain.BeginDevice(new PageSecret("")));
        Assert.Equal("no such caller", (await cluster.NewCaller().Grain.MakeDeviceLink(CallersCluster.Tenant)).Error);

        var options = await caller.Grain.BeginDevice(link.Secret!);
        using var evil = new SoftDevice { Origin = "https://evil.example" };
        Assert.Null(await Register(caller, link, evil.Register(options!)));
        var page = await Register(caller, link, _device.Register(options!));
        Assert.NotNull(page);
        Assert.Null(await caller.Grain.BeginDevice(link.Secret!));
        Assert.Null(await caller.Grain.LookForCall(link.Secret!));

        var late = await caller.Grain.MakeDeviceLink(CallersCluster.Tenant);
        cluster.Time.Advance(TimeSpan.FromDays(1));
        Assert.Null(await caller.Grain.BeginDevice(late.Secret!));
    }

    [Fact]
    public async Task A_lost_device_approves_nothing_any_more()
    {
        var (caller, page) = await Registered();
        Assert.Null((await caller.Grain.Rebind(new CallerRebinding { Tenant = CallersCluster.Tenant, Lost = [FactorKind.Device] })).Error);

        Assert.Equal(BeginOutcome.Unavailable, await caller.Begin(await caller.TryPin(CallersCluster.Pin), FactorKind.Device));
        Assert.Null(await caller.Grain.LookForCall(page));
    }

    private async Task<(TestCaller Caller, PageSecret Page)> Registered()
    {
        var caller = await cluster.NewCaller().Enrolled();
        var link = await caller.Grain.MakeDeviceLink(CallersCluster.Tenant);
        return (caller, (await Register(caller, link, _device.Register((await caller.Grain.BeginDevice(link.Secret!))!)))!);
    }

    private static Task<PageSecret?> Register(TestCaller caller, DeviceLink link, string response) =>
        caller.Grain.RegisterDevice(new DeviceRegistration { Link = link.Secret!, Response = new PersonalText(response), Name = new PersonalText("my phone") });

    private async Task<string?> Approve(TestCaller caller, PageSecret page) => await Answer(caller, page, _device.Sign((await caller.Grain.LookForCall(page))!.Options));

    private static async Task<string?> Answer(TestCaller caller, PageSecret page, string? response) =>
        (await caller.Grain.AnswerForCall(new ApprovalAnswer { Page = page, Response = response is null ? null : new PersonalText(response) }))?.Reveal();
}
