using System.Reflection;
using System.Security.Cryptography;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Flows;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>Everything around a call grain, in memory: rows, and the grains that it asks. A new <see cref="Call"/> is a new activation.</summary>
internal sealed class GrainWorld
{
    public const string CallKey = "call-1";

    public GrainWorld()
    {
        Library = new FlowLibrary(Clock);
        Flow = NewFlow();
        var published = Flow.Publish("bank.yaml", FlowTexts.Bank).GetAwaiter().GetResult();
        if (published.Version is null) throw new InvalidOperationException("the demo flow is not valid");
        Audit.Entries.Clear();
        Actor = "edge-1";
    }

    public FakeLog Log { get; } = new();
    public FakeStorage Storage { get; } = new();
    public FakeAudit Audit { get; } = new();
    public FakeCaller Caller { get; } = new();
    public FakeEdge Edge { get; } = new();

    /// <summary>Of those that have a name of their own, by key.</summary>
    public Dictionary<string, FakeEdge> Edges { get; } = [];
    public FakeRates Rates { get; } = new();
    public FakeSpending Spending { get; } = new();
    public TestCatalogue Catalogue { get; } = new();
    public FlowGrain Flow { get; }
    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
    public FlowLibrary Library { get; set; }

    /// <summary>Recordings that were asked for, and those that were bound to a caller.</summary>
    public List<RecordingPermit> Recordings { get; } = [];
    public List<(string Caller, RecordingId Recording)> Noted { get; } = [];

    /// <summary>What the answer to the next is; null: the grain fails.</summary>
    public bool? RecordingPermitted { get; set; } = true;

    private Task<bool> Permit(RecordingPermit permit)
    {
        if (RecordingPermitted is not { } answer) throw new TimeoutException("no answer");
        Recordings.Add(permit);
        return Task.FromResult(answer);
    }

    /// <summary>How many attempts to bind a recording to a caller fail.</summary>
    public int BindingsThatFail { get; set; }

    private Task Bind(string recording, CallerKey caller)
    {
        if (BindingsThatFail-- > 0) throw new InvalidOperationException("the row cannot be written");
        Noted.Add((caller.Value, new RecordingId(recording)));
        return Task.CompletedTask;
    }

    /// <summary>Keys of the grains that were asked for, by interface.</summary>
    public List<(Type Interface, string Key)> Asked { get; } = [];
    public int Deactivations { get; private set; }

    /// <summary>How long the last activation asked to stay without anybody calling it.</summary>
    public TimeSpan Stays { get; set; }

    public static ClusterPolicy Policy { get; } = new()
    {
        Tenants = new Dictionary<string, TenantPolicy>
        {
            ["demo"] = new()
            {
                Name = "demo",
                Numbers = new Dictionary<string, string> { ["bank"] = "bank", ["4930123"] = "bank", ["empty"] = "unpublished", ["out"] = "out" },
                TransferTargets = new Dictionary<string, string> { ["agent"] = "sip:agent@127.0.0.1:5090", ["desk"] = "+4930123456", ["satellite"] = "+870773111632" },
                Trunks = new Dictionary<string, TrunkPolicy>
                {
                    ["local"] = new() { Name = "local" },
                    ["carrier"] = new() { Name = "carrier", WayOut = new WayOut { Prefixes = ["+49", "+870"], Region = "DE" } },
                },
                Outbound = new OutboundPolicy
                {
                    Prices = new Dictionary<string, int?> { ["+49"] = 3, ["+870"] = 500 },
                    Spend = new SpendRule { PerHour = 100, PerDay = 100, Calls = new RateLimit(1, TimeSpan.FromSeconds(1), 1), CallsAtOnce = 1, LongestCall = TimeSpan.FromMinutes(30) },
                },
                Caller = new LimitRule { Calls = new RateLimit(10, TimeSpan.FromMinutes(1), 10), AtOnce = 3 },
                Destination = new LimitRule { Calls = new RateLimit(100, TimeSpan.FromSeconds(1), 100), KnownShare = 0.2, OpenWhenUnavailable = true },
                Lockout = new LockoutRule(),
            },
        },
    };

    public CallGrain Call() => Call(new CallId(CallKey));

    /// <summary>The edge whose token is shown with what is asked next.</summary>
    public string Actor
    {
        get;
        set
        {
            field = value;
            RequestContext.Set(RequestActor.ContextKey, value);
        }
    }

    /// <summary>A new activation, asked by <see cref="Actor"/>.</summary>
    public CallGrain Call(CallId id)
    {
        RequestContext.Set(RequestActor.ContextKey, Actor);
        return Activate(id);
    }

    private CallGrain Activate(CallId id) => new(Policy, FakeKeys.Instance, Catalogue, Library, Risk, new LocalCalls(), Clock, Log, Storage, Context(GrainId.Create("call", id.Value)), Runtime());

    /// <summary>Knows nothing, because it reaches no grain.</summary>
    private RiskDesk Risk => new(Policy, FakeKeys.Instance, Answering.Make<IGrainFactory>((method, _) => throw new NotSupportedException(method.Name)), new RiskPicture(), Clock, NullLogger<RiskDesk>.Instance);

    /// <summary>Publishes a document as the flow of the number <c>out</c>.</summary>
    public async Task Publish(string yaml)
    {
        _other = NewFlow("flow-demo/out");
        var result = await _other.Publish("out.yaml", yaml);
        if (result.Version is null) throw new InvalidOperationException(string.Join('\n', result.Errors));
        Audit.Entries.Clear();
    }

    private FlowGrain? _other;

    /// <summary>Asked by the cluster itself.</summary>
    public FlowGrain NewFlow(string key = "flow-demo/bank")
    {
        RequestContext.Remove(RequestActor.ContextKey);
        return ActivateFlow(key);
    }

    private FlowGrain ActivateFlow(string key) => new(
        new FakePersistentState(), Policy, Catalogue, Library, Clock, NullLogger<FlowGrain>.Instance, Context(GrainId.Create("flow", key)), Runtime());

    /// <summary>The origin of <see cref="Offered"/>.</summary>
    public static CallOrigin From => CallOrigins.Of(Offered(), new byte[32]);

    public static CallOffered Offered(string called = "bank", string? calling = "+4930555", string tenant = "demo", string trunk = "local", bool isKnown = false) => new()
    {
        Seq = 1,
        Edge = "edge-1",
        Tenant = tenant,
        Trunk = trunk,
        Called = called,
        Calling = calling is null ? null : new PhoneNumber(calling),
        Origin = OriginClass.TrustedTrunk,
        Encrypted = false,
        SourceAddress = "127.0.0.1",
        Known = isKnown,
    };

    public static DigitsCollected Keys(int seq, string digits) => new() { Seq = seq, Outcome = CollectOutcome.Digits, Digits = new PersonalText(digits) };

    public static DigitsCollected Secret(int seq) => new() { Seq = seq, Outcome = CollectOutcome.Digits, Sealed = FlowStory.Sealed(1) };

    private static IGrainContext Context(GrainId id) => Answering.Make<IGrainContext>((method, _) => method.Name == "get_GrainId" ? id : null);

    private IGrainRuntime Runtime() => Answering.Make<IGrainRuntime>((method, arguments) => method.Name switch
    {
        "get_GrainFactory" => Factory(),
        nameof(IGrainRuntime.DeactivateOnIdle) => Deactivations++,
        nameof(IGrainRuntime.DelayDeactivation) => Stays = (TimeSpan)arguments[1]!,
        _ => throw new NotSupportedException(method.Name),
    });

    private IGrainFactory Factory() => Answering.Make<IGrainFactory>((method, arguments) =>
    {
        var type = method.GetGenericArguments().Single();
        var key = (string)arguments[0]!;
        Asked.Add((type, key));
        if (type == typeof(IFlowGrain)) return key == "flow-demo/bank" ? Flow : key == "flow-demo/out" && _other is not null ? _other : ActivateFlow(key);
        if (type == typeof(IAuditGrain)) return Audit;
        if (type == typeof(ICallerGrain)) return Caller;
        if (type == typeof(IEdgeGrain)) return Edges.GetValueOrDefault(key, Edge);
        if (type == typeof(IEdgeDirectoryGrain)) return Answering.Make<IEdgeDirectoryGrain>((_, _) => Task.FromResult(Edges.Keys.Select(name => name[IEdgeGrain.Key("").Length..]).ToList()));
        if (type == typeof(ICallGrain)) return Activate(new CallId(key));
        if (type == typeof(IRateLimitGrain)) return new FakeRate(Rates, key);
        if (type == typeof(ISpendGrain)) return Spending;
        if (type == typeof(IRecordingGrain)) return Answering.Make<IRecordingGrain>((method, given) => method.Name == nameof(IRecordingGrain.Bind) ? Bind(key, (CallerKey)given[0]!) : Permit((RecordingPermit)given[0]!));
        throw new NotSupportedException(type.Name);
    });
}

/// <summary>Implements an interface by one function.</summary>
internal class Answering : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> _answer = (_, _) => null;

    public static T Make<T>(Func<MethodInfo, object?[], object?> answer) where T : class
    {
        var made = Create<T, Answering>();
        ((Answering)(object)made)._answer = answer;
        return made;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.ReturnType == typeof(void)
        ? Nothing(_answer(targetMethod, args ?? []))
        : _answer(targetMethod, args ?? []);

    private static object? Nothing(object? _) => null;
}

/// <summary>Rows as bytes of the Orleans serializer, with ETags; fails when told.</summary>
internal sealed class FakeStorage : IGrainStorage
{
    private static readonly Serializer s_serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();
    private int _etag;

    public Dictionary<string, (byte[] Row, string ETag)> Rows { get; } = [];
    public bool FailReads { get; set; }
    public bool FailWrites { get; set; }

    /// <summary>The database is away: neither reads nor writes are answered.</summary>
    public bool IsAway { get; set; }
    public int Reads { get; private set; }
    public int Writes { get; private set; }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Reads++;
        if (IsAway) throw new StorageUnavailableException("away");
        if (FailReads) throw new ProviderException();
        grainState.RecordExists = Rows.TryGetValue(grainId.ToString(), out var row);
        grainState.ETag = row.ETag;
        if (grainState.RecordExists) grainState.State = s_serializer.Deserialize<T>(row.Row);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Writes++;
        if (IsAway) throw new StorageUnavailableException("away");
        if (FailWrites) throw new ProviderException();
        Rows.TryGetValue(grainId.ToString(), out var row);
        if (row.ETag != grainState.ETag) throw new InconsistentStateException("etag");
        grainState.ETag = (++_etag).ToString();
        grainState.RecordExists = true;
        Rows[grainId.ToString()] = (s_serializer.SerializeToArray(grainState.State), grainState.ETag);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsAway) throw new StorageUnavailableException("away");
        if (FailWrites) throw new ProviderException();
        Rows.Remove(grainId.ToString());
        grainState.ETag = null;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    /// <summary>A type that no caller could deserialize.</summary>
    private sealed class ProviderException() : Exception("row of call-1 with number +4930555");
}

/// <summary>Everything that was logged, exceptions too.</summary>
internal sealed class FakeLog : ILogger<CallGrain>
{
    public List<string> Lines { get; } = [];

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception) + exception);
}

internal sealed class FakePersistentState : IPersistentState<FlowGrainState>
{
    public FlowGrainState State { get; set; } = new();
    public string? Etag => null;
    public bool RecordExists => false;

    public Task ClearStateAsync() => Task.CompletedTask;

    public Task ReadStateAsync() => Task.CompletedTask;

    public Task WriteStateAsync() => Task.CompletedTask;
}

internal sealed class FakeAudit : IAuditGrain
{
    public List<AuditEntry> Entries { get; } = [];
    public bool Fails { get; set; }

    /// <summary>What the next record waits for.</summary>
    public TaskCompletionSource<long>? Disk { get; set; }

    public Task<long> Append(AuditEntry entry)
    {
        if (Disk is { } disk) return disk.Task;
        if (Fails) throw new InvalidOperationException("the ledger cannot be written");
        Entries.Add(entry);
        return Task.FromResult((long)Entries.Count);
    }

    public Task<AuditPage> Search(AuditQuery query) => Task.FromResult(new AuditPage
    {
        Records = [.. Entries.Where(entry => entry.Action == query.Action && entry.Object == query.Object).Select(entry => new AuditRecord { Tenant = "demo", Number = 1, At = default, Entry = entry, Hash = [] })],
    });

    public Task<AuditVerdict> Verify() => throw new NotSupportedException();

    public Task<long> AppendOperatorAct(AuditEntry entry) => throw new NotSupportedException();
}

/// <summary>Answers with the outcomes in <see cref="Outcomes"/>, then accepts.</summary>
internal sealed class FakeCaller : ICallerGrain
{
    public List<FactorAttempt> Attempts { get; } = [];
    public Queue<FactorOutcome> Outcomes { get; } = [];
    public bool Fails { get; set; }

    /// <summary>Its silo has just gone; another activation answers next time.</summary>
    public bool IsLost { get; set; }
    public CallerKey? ProofOf { get; set; }

    /// <summary>Under which its proofs are made.</summary>
    public RiskLevel Risk { get; set; }

    public Task<FactorResult> Verify(FactorAttempt attempt)
    {
        if (Fails) throw new TimeoutException("no answer");
        if (IsLost)
        {
            IsLost = false;
            throw new SiloUnavailableException("its silo is gone");
        }
        Attempts.Add(attempt);
        var outcome = Outcomes.TryDequeue(out var next) ? next : FactorOutcome.Accepted;
        var caller = ProofOf ?? CallerKey.ForAccount(FakeKeys.Instance.PseudonymKey("demo"), "demo", "10000001");
        if (outcome != FactorOutcome.Accepted) return Task.FromResult(new FactorResult { Outcome = outcome });
        var proof = new VerifiedCaller { Caller = caller, Call = attempt.Call, Factors = [.. attempt.Before?.Factors ?? [], attempt.Factor], Mac = [1], Risk = Risk };
        return Task.FromResult(new FactorResult
        {
            Outcome = outcome,
            Proof = proof,
            Reached = AssuranceRules.Of(proof.Factors, RiskLevel.None),
            Next = proof.Factors.Contains(FactorKind.Totp) ? null : FactorKind.Totp,
        });
    }

    public Task<FactorResult> Assess(AssuranceRequest request) => throw new NotSupportedException();

    /// <summary>What an order to call back is answered with, and the calls that were ordered.</summary>
    public CallBackOrder CallBack { get; set; } = new() { Outcome = CallBackOutcome.Ordered, Number = new PhoneNumber("+49 30 123456") };
    public List<CallId> CalledBack { get; } = [];

    public Task<CallBackOrder> OrderCallBack(VerifiedCaller proof, CallId callBack)
    {
        if (Fails) throw new TimeoutException("no answer");
        CalledBack.Add(callBack);
        return Task.FromResult(CallBack);
    }

    public Task<CallerFacts> ReadFacts(FactsRequest request) => Task.FromResult(FlowStory.SomeFacts);

    public Task<FactorBegun> Begin(FactorBegin begin) => throw new NotSupportedException();

    public Task<PinChangeResult> ChangePin(PinChange change) => throw new NotSupportedException();

    public Task<EnrolmentResult> Rebind(CallerRebinding rebinding) => throw new NotSupportedException();

    public Task<RecoveryCodesResult> MakeRecoveryCodes(RecoveryCodesRequest request) => throw new NotSupportedException();

    public Task<EnrolmentResult> Enrol(CallerEnrolment enrolment) => throw new NotSupportedException();

    public Task<ErasureResult> Erase(string tenant) => throw new NotSupportedException();

    public Task<DeviceLink> MakeDeviceLink(string tenant) => throw new NotSupportedException();

    public Task<string?> BeginDevice(PageSecret link) => throw new NotSupportedException();

    public Task<PageSecret?> RegisterDevice(DeviceRegistration registration) => throw new NotSupportedException();

    public Task<ApprovalQuestion?> LookForCall(PageSecret page) => throw new NotSupportedException();

    public Task<PageSecret?> AnswerForCall(ApprovalAnswer answer) => throw new NotSupportedException();
}

internal sealed class FakeEdge : IEdgeGrain
{
    public List<(CallId Call, CallCommand Command)> Sent { get; } = [];

    public Task<EdgeOrders> Report(EdgeReport report, IEdgeObserver observer) => throw new NotSupportedException();

    /// <summary>What it last said of itself; null: it is gone.</summary>
    public EdgeReport? LastReport { get; set; }

    /// <summary>Whether it takes orders.</summary>
    public bool IsThere { get; set; } = true;

    /// <summary>Whether orders to it fail on the way.</summary>
    public bool IsOutOfReach { get; set; }

    public Task<EdgeReport?> GetReport() => Task.FromResult(LastReport);

    public Task<bool> Send(CallId call, CallCommand command)
    {
        if (!IsThere) return Task.FromResult(false);
        if (IsOutOfReach) throw new TimeoutException("its silo is gone");
        Sent.Add((call, command));
        return Task.FromResult(true);
    }

    public Task<bool> Beat(string incarnation) => throw new NotSupportedException();

    public Task<EdgeLoss?> Watch() => throw new NotSupportedException();

    public Task Settled(EdgeLoss loss) => throw new NotSupportedException();

    public Task<bool> Drain(DateTimeOffset deadline) => throw new NotSupportedException();

    public Task<bool> Undrain() => throw new NotSupportedException();

    public Task<bool> Trace(List<TraceOrder> orders) => throw new NotSupportedException();
}

/// <summary>Refuses keys that begin with <see cref="Refused"/>.</summary>
internal sealed class FakeRates
{
    public string? Refused { get; set; }

    /// <summary>Keys that begin so are not answered.</summary>
    public string? Fails { get; set; }

    public List<(string Key, LimitTake Take)> Taken { get; } = [];

    public List<(string Key, string Call)> Ended { get; } = [];
}

internal sealed class FakeRate(FakeRates rates, string key) : IRateLimitGrain
{
    public Task<RateDecision> Take(LimitTake take)
    {
        if (rates.Fails is { } fails && key.StartsWith(fails, StringComparison.Ordinal)) throw new TimeoutException("no answer");
        rates.Taken.Add((key, take));
        return Task.FromResult(rates.Refused is { } refused && key.StartsWith(refused, StringComparison.Ordinal)
            ? new RateDecision { Allowed = false, RetryAfter = TimeSpan.FromSeconds(6.2) }
            : new RateDecision { Allowed = true });
    }

    public Task End(string call)
    {
        rates.Ended.Add((key, call));
        return Task.CompletedTask;
    }
}

/// <summary>Grants ten minutes, or refuses with <see cref="Refusal"/>.</summary>
internal sealed class FakeSpending : ISpendGrain
{
    public OutboundRefusal Refusal { get; set; }
    public bool Fails { get; set; }
    /// <summary>Its silo has just gone; another activation answers next time.</summary>
    public bool IsLost { get; set; }

    public List<SpendRequest> Reserved { get; } = [];
    public List<(string Call, TimeSpan Talked)> Settled { get; } = [];

    public Task<SpendDecision> Reserve(SpendRequest request)
    {
        if (Fails) throw new TimeoutException("no answer");
        Reserved.Add(request);
        return Task.FromResult(new SpendDecision { Refusal = Refusal, MostTalk = TimeSpan.FromMinutes(10) });
    }

    public Task<long?> Settle(string call, TimeSpan talked)
    {
        if (IsLost)
        {
            IsLost = false;
            throw new SiloUnavailableException("its silo is gone");
        }
        if (Fails) throw new TimeoutException("no answer");
        var charged = Settled.Exists(s => s.Call == call) ? null : (long?)6;
        Settled.Add((call, talked));
        return Task.FromResult(charged);
    }

    public Task<SpendSummary> Get() => throw new NotSupportedException();
}

internal sealed class FakeKeys : IClusterKeys
{
    public static FakeKeys Instance { get; } = new();

    private readonly byte[] _key = SHA256.HashData("test"u8);

    public SealingKey SealingKey => throw new NotSupportedException();

    public ReadOnlySpan<byte> Pepper => _key;

    public ReadOnlySpan<byte> ProofKey => _key;

    public ReadOnlySpan<byte> RiskKey => _key;

    public Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose) => throw new NotSupportedException();

    public ReadOnlySpan<byte> PseudonymKey(string tenant) => _key;

    public ReadOnlySpan<byte> AuditKey(string tenant) => _key;
}
