using System.Text;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Audit;
using IvrActors.Grains.Tests.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>A silo with the caller, lockout, audit and operator grains, storage and ledger in memory, and a clock that stands until a test moves it.</summary>
[CollectionDefinition(Name)]
public sealed class CallersCluster : IAsyncLifetime, ICollectionFixture<CallersCluster>
{
    public const string Name = "callers cluster";
    public const string Tenant = "demo";

    /// <summary>Its callers hear when they are locked.</summary>
    public const string TellingTenant = "telling";
    internal const string Pin = "4826";
    internal static readonly byte[] TotpKey = Encoding.ASCII.GetBytes("12345678901234567890");

    private InProcessTestCluster _cluster = null!;
    private int _account = 10_000_000;

    internal TestKeys Keys { get; } = new();
    internal TestAuditStore Ledger { get; } = new();
    internal TestClock Time { get; } = new();
    internal TestStorage Storage { get; private set; } = null!;
    internal TestDelivery Delivery { get; } = new();
    internal CountingHasher Hasher { get; private set; } = null!;
    internal PinPool Pool { get; private set; } = null!;
    internal ClusterPolicy Policy { get; } = new()
    {
        Tenants = new[] { TenantOf(Tenant), TenantOf(TellingTenant, tells: true) }.Concat(s_spenders.Select(name => TenantOf(name, s_outbound))).ToDictionary(tenant => tenant.Name),
        RecordingsKept = TimeSpan.FromDays(30),
        Argon2MemoryKiB = 64,
        Argon2Passes = 1,
        PinsExpire = TimeSpan.FromDays(365),
        Devices = new DevicePolicy("https://ivr.example:8443", "ivr.example", "Example Bank"),
    };

    /// <summary>Tenants that call out, each for one test.</summary>
    private static readonly string[] s_spenders = ["spend-1", "spend-2", "spend-3", "spend-4", "spend-5-read", "spend-5-write"];

    private static readonly OutboundPolicy s_outbound = new()
    {
        Prices = new Dictionary<string, int?> { ["+49"] = 2 },
        Spend = new SpendRule { PerHour = 120, PerDay = 1000, Calls = new RateLimit(100, TimeSpan.FromMinutes(1), 100), CallsAtOnce = 5, LongestCall = TimeSpan.FromMinutes(30) },
    };

    private static TenantPolicy TenantOf(string name, OutboundPolicy? outbound = null, bool tells = false) => new()
    {
        Name = name,
        Numbers = new Dictionary<string, string>(),
        TransferTargets = new Dictionary<string, string>(),
        Trunks = new Dictionary<string, TrunkPolicy>
        {
            ["shared"] = new() { Name = "shared", Limit = new LimitRule { Calls = new RateLimit(10, TimeSpan.FromSeconds(1), 100), AtOnce = 100, KnownShare = 0.2 } },
            ["lost"] = new() { Name = "lost", Limit = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 100) } },
        },
        Lockout = new LockoutRule { Tell = tells },
        Outbound = outbound,
    };

    /// <summary>A tenant whose limits only one test uses.</summary>
    internal string OtherTenant => s_spenders[0];

    /// <summary>Now, as a silo of another process sees it.</summary>
    internal LockoutMoment Moment => new(Time.GetUtcNow(), TimeSpan.Zero, Guid.NewGuid());

    public IGrainFactory Grains => _cluster.Client;

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<TimeProvider>(Time);
            silo.Services.AddSingleton<IClusterKeys>(Keys);
            silo.Services.AddSingleton<IAuditStore>(Ledger);
            silo.Services.AddSingleton<ICodeDelivery>(Delivery);
            silo.Services.AddSingleton<PinHasher>(s => Hasher = new CountingHasher(s.GetRequiredService<IClusterKeys>()));
            silo.Services.AddKeyedSingleton<IGrainStorage>("encrypted", (s, _) => Storage = new TestStorage(s));
            silo.Services.AddGrains(Policy);
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        var services = _cluster.GetSiloServiceProvider();
        _ = services.GetRequiredKeyedService<IGrainStorage>("encrypted");
        _ = services.GetRequiredService<PinHasher>();
        Pool = services.GetRequiredService<PinPool>();
    }

    /// <summary>An account that no other test uses; not enrolled.</summary>
    internal TestCaller NewCaller(string tenant = Tenant) => new(this, tenant, Interlocked.Increment(ref _account).ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Ends all activations, as a crash or a restart does: what is not in storage is gone.</summary>
    internal Task ForgetActivations() => Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();
}
