using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Flows;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using OtpNet;
using Xunit;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>The demo flow with the grains that really decide: callers, lockouts, limits, audit.</summary>
public sealed class BankClusterTests : IAsyncLifetime
{
    private const string Account = "10000001";
    private const string Pin = "7294";
    private const string Again = "enter-pin-again";
    private static readonly byte[] s_totpKey = Encoding.ASCII.GetBytes("12345678901234567890");

    private readonly SealingKeys _keys = new();
    private readonly ListAuditStore _audit = new();
    private InProcessTestCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        var tenant = GrainWorld.Policy.Tenants["demo"];
        var policy = new ClusterPolicy { Tenants = new Dictionary<string, TenantPolicy> { ["demo"] = tenant }, Argon2MemoryKiB = 1024, Argon2Passes = 1 };
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddMemoryGrainStorage("encrypted");
            silo.Services.AddGrains(policy).AddSingleton<IClusterKeys>(_keys).AddSingleton<IAuditStore>(_audit).AddSingleton<IPromptCatalogue>(new TestCatalogue());
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        Assert.NotNull((await _cluster.Client.GetGrain<IFlowGrain>(IFlowGrain.Key("demo", "bank")).Publish("bank.yaml", FlowTexts.Bank)).Version);
        await Enrol();
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task The_right_account_PIN_and_code_hear_the_balance_and_the_ledger_tells_the_story()
    {
        var call = new TestCall(this, "call-right");
        await call.Offer();
        await call.Key(Account);
        Assert.Equal("enter-code", Heard(await call.Secret("factor:pin", Pin)));
        Assert.Equal("menu", (await call.Secret("factor:totp", new Totp(s_totpKey).ComputeTotp())).Step);
        var balance = Assert.IsType<Play>((await call.Key("1")).Commands[0]);
        Assert.Equal(["your-balance-is", "number/20", "currency/euros"], balance.Prompts.Select(p => p.Prompt));
        await call.End();
        Assert.Equal(["call.admitted", "factor.verified", "factor.verified", "call.ended"], _audit.Entries.Where(e => e.Object == "call-right").Select(e => e.Action));
    }

    [Fact]
    public async Task A_proven_caller_chooses_another_PIN_which_counts_in_the_next_call()
    {
        var call = new TestCall(this, "call-new-pin");
        await call.Offer();
        await call.Key(Account);
        await call.Secret("factor:pin", Pin);
        Assert.Equal("menu", (await call.Secret("factor:totp", new Totp(s_totpKey).ComputeTotp())).Step);
        Assert.Equal("enter-new-pin", Heard(await call.Key("3")));
        Assert.Equal("repeat-new-pin", Heard(await call.Secret("pin:new", "1234")));
        var weak = await call.Secret("pin:repeated", "1234");
        Assert.Equal("pin-too-easy", Assert.IsType<Collect>(weak.Commands[^1]).Prompts[0].Prompt);
        await call.Secret("pin:new", "8305");
        var changed = await call.Secret("pin:repeated", "8305");
        Assert.Equal("pin-changed", Assert.IsType<Play>(changed.Commands[0]).Prompts[0].Prompt);
        await call.End();

        var next = new TestCall(this, "call-after");
        await next.Offer();
        await next.Key(Account);
        Assert.Equal(Again, Heard(await next.Secret("factor:pin", Pin)));
        Assert.Equal("enter-code", Heard(await next.Secret("factor:pin", "8305")));
        Assert.Equal(["pin.changed", "pin.changed"], _audit.Entries.Where(e => e.Object == "call-new-pin" && e.Action == "pin.changed").Select(e => e.Action));
    }

    [Fact]
    public async Task Three_wrong_PINs_end_the_call_and_lock_and_the_right_PIN_is_refused_then_in_the_same_words()
    {
        var wrong = new TestCall(this, "call-wrong");
        await wrong.Offer();
        await wrong.Key(Account);
        Assert.Equal(Again, Heard(await wrong.Secret("factor:pin", "0001")));
        Assert.Equal(Again, Heard(await wrong.Secret("factor:pin", "0002")));
        Assert.Equal("too_many", (await wrong.Secret("factor:pin", "0003")).Step);
        await wrong.End();

        var locked = new TestCall(this, "call-locked");
        await locked.Offer();
        await locked.Key(Account);
        Assert.Equal(Again, Heard(await locked.Secret("factor:pin", Pin)));
    }

    [Fact]
    public async Task An_account_that_does_not_exist_is_asked_again_like_a_wrong_PIN()
    {
        var call = new TestCall(this, "call-unknown");
        await call.Offer();
        await call.Key("99999999");
        Assert.Equal(Again, Heard(await call.Secret("factor:pin", Pin)));
    }

    [Fact]
    public async Task A_retry_of_a_wrong_PIN_is_not_counted_twice()
    {
        var call = new TestCall(this, "call-retry");
        await call.Offer();
        await call.Key(Account);
        var wrong = call.SecretEvent("factor:pin", "0001");
        for (var time = 0; time < 5; time++) Assert.Equal(Again, Heard(await call.Grain.Handle(wrong)));
        Assert.Equal("enter-code", Heard(await call.Secret("factor:pin", Pin)));
    }

    [Fact]
    public async Task Digits_sealed_for_another_call_or_prompt_verify_nothing()
    {
        var call = new TestCall(this, "call-moved");
        await call.Offer();
        await call.Key(Account);
        Assert.Equal(Again, Heard(await call.Secret("factor:pin", Pin, context: "call-other")));
        Assert.Equal(Again, Heard(await call.Secret("factor:pin", Pin, purpose: "factor:totp")));
    }

    [Fact]
    public async Task A_bridged_call_outlasts_the_collection_of_idle_grains_takes_an_operators_order_and_is_settled_by_its_time_of_talk()
    {
        const string Yaml = "flow: out\nlanguage: en\nstart: desk\nsteps:\n  desk: { transfer: desk, mode: bridge, trunk: carrier, on: { failed: bye } }\n  bye: { hang_up: true, play: [goodbye] }\n";
        Assert.NotNull((await _cluster.Client.GetGrain<IFlowGrain>(IFlowGrain.Key("demo", "out")).Publish("out.yaml", Yaml)).Version);
        var call = _cluster.Client.GetGrain<ICallGrain>("call-bridged");
        RequestContext.Set(RequestActor.ContextKey, "edge-1");
        Assert.IsType<Bridge>((await call.Handle(GrainWorld.Offered(called: "out"))).Commands[^1]);

        await _cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
        Assert.DoesNotContain(_audit.Entries, e => e.Action == "call.ended");

        // An edge reports every few seconds, to a new activation as well.
        var phone = new OrderedEdge();
        await _cluster.Client.GetGrain<IEdgeGrain>(IEdgeGrain.Key("edge-1")).Report(new EdgeReport { Edge = "edge-1", At = default, ActiveCalls = 1, Calls = [] }, _cluster.Client.CreateObjectReference<IEdgeObserver>(phone));
        Assert.True(await call.HangUp());
        Assert.Equal(new CallId("call-bridged"), phone.Ordered);
        GC.KeepAlive(phone);
        await call.Handle(new CallEnded { Seq = 2, Reason = CallEndReason.OperatorHungUp, Bridge = new BridgeResult { Outcome = BridgeOutcome.Answered, Status = 200, Talked = TimeSpan.FromMinutes(8) } });
        var spent = await _cluster.Client.GetGrain<ISpendGrain>(ISpendGrain.Key("demo")).Get();
        Assert.Equal((24, 0), (spent.Hour, spent.Calls));
        Assert.Equal(["call.admitted", "outbound.permitted", "operator.hangup", "outbound.ended", "call.ended"], _audit.Entries.Where(e => e.Object == "call-bridged").Select(e => e.Action));
    }

    private sealed class OrderedEdge : IEdgeObserver
    {
        public CallId? Ordered { get; private set; }

        public Task Order(CallId call, CallCommand command)
        {
            Ordered = call;
            return Task.CompletedTask;
        }

        public Task Trace(List<TraceOrder> orders) => Task.CompletedTask;
    }

    /// <summary>The prompt of what is asked.</summary>
    private static string? Heard(CallReply reply) => Assert.IsType<Collect>(reply.Commands[^1]).Prompts[^1].Prompt;

    private async Task Enrol()
    {
        var enrolment = _cluster.Client.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key);
        var caller = await enrolment.KeyOf("demo", new PersonalText(Account));
        var result = await _cluster.Client.GetGrain<ICallerGrain>(caller.Value).Enrol(new CallerEnrolment
        {
            Tenant = "demo",
            Account = new PersonalText(Account),
            Pin = SecretSealer.Seal(_keys.SealingKey, caller.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(Pin)),
            TotpKey = SecretSealer.Seal(_keys.SealingKey, caller.Value, CallerEnrolment.TotpPurpose, s_totpKey),
            Facts = new CallerFacts { Amounts = { ["balance"] = new Money { Minor = 2000, Currency = "EUR" } } },
        });
        Assert.Null(result.Error);
    }

    /// <summary>One call as an edge would make it.</summary>
    private sealed class TestCall(BankClusterTests test, string id)
    {
        private int _seq = 1;

        private readonly ICallGrain _grain = test._cluster.Client.GetGrain<ICallGrain>(id);

        /// <summary>As the call's edge.</summary>
        public ICallGrain Grain
        {
            get
            {
                RequestContext.Set(RequestActor.ContextKey, "edge-1");
                return _grain;
            }
        }

        public async Task Offer() => Assert.IsType<Answer>((await Grain.Handle(GrainWorld.Offered())).Commands[0]);

        public Task<CallReply> Key(string keys) => Grain.Handle(GrainWorld.Keys(++_seq, keys));

        public Task<CallReply> Secret(string name, string digits, string? context = null, string? purpose = null) => Grain.Handle(SecretEvent(name, digits, context, purpose));

        public DigitsCollected SecretEvent(string name, string digits, string? context = null, string? purpose = null) => new()
        {
            Seq = ++_seq,
            Outcome = CollectOutcome.Digits,
            Sealed = SecretSealer.Seal(test._keys.SealingKey, context ?? id, purpose ?? name, Encoding.ASCII.GetBytes(digits)),
        };

        public Task<CallReply> End() => Grain.Handle(new CallEnded { Seq = ++_seq, Reason = CallEndReason.CallerHungUp });
    }

    private sealed class SealingKeys : IClusterKeys
    {
        private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        private readonly byte[] _bytes = SHA256.HashData("test"u8);

        public SealingKey SealingKey => SecretSealer.PublicKeyOf("k1", _key);

        public ReadOnlySpan<byte> Pepper => _bytes;

        public ReadOnlySpan<byte> ProofKey => _bytes;

        public ReadOnlySpan<byte> RiskKey => _bytes;

        public Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose) => SecretSealer.Open(_key, context, purpose, sealedSecret);

        public ReadOnlySpan<byte> PseudonymKey(string tenant) => _bytes;

        public ReadOnlySpan<byte> AuditKey(string tenant) => _bytes;
    }

    private sealed class ListAuditStore : IAuditStore
    {
        private readonly Lock _lock = new();
        private readonly List<AuditRecord> _records = [];
        private AuditHead _head = new() { Number = 0, Hash = [], Mac = [] };

        public List<AuditEntry> Entries
        {
            get
            {
                lock (_lock) return [.. _records.Select(r => r.Entry)];
            }
        }

        public Task<AuditHead> ReadHead(string tenant)
        {
            lock (_lock) return Task.FromResult(_head);
        }

        public Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head)
        {
            lock (_lock)
            {
                if (_head.Number != expected.Number) throw new InvalidOperationException("another head");
                _records.AddRange(records);
                _head = head;
            }
            return Task.CompletedTask;
        }

        public IAsyncEnumerable<AuditRecord> Read(string tenant, long from) => throw new NotSupportedException();

        public Task<AuditPage> Search(string tenant, AuditQuery query) => throw new NotSupportedException();
    }
}
