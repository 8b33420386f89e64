using System.Text;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Audit;
using IvrActors.Grains.Tests.Callers;
using IvrActors.Grains.Tests.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Xunit;

namespace IvrActors.Grains.Tests.Policies.Risk;

/// <summary>A silo with the grains of risk. Each test has a tenant of its own, with a carrier in Berlin and one in New York, and a trunk of single telephones.</summary>
[CollectionDefinition(Name)]
public sealed class RiskCluster : IAsyncLifetime, ICollectionFixture<RiskCluster>
{
    public const string Name = "risk cluster";
    internal const string Berlin = "berlin", NewYork = "new-york", Phones = "phones";

    private InProcessTestCluster _cluster = null!;
    private int _tenant;

    internal TestKeys Keys { get; } = new();
    internal TestAuditStore Ledger { get; } = new();
    internal TestClock Time { get; } = new();
    internal TestStorage Storage { get; private set; } = null!;
    internal RiskDesk Desk { get; private set; } = null!;
    internal ClusterPolicy Policy { get; } = new()
    {
        Tenants = Enumerable.Range(0, 20).Select(n => TenantOf($"town-{n}")).ToDictionary(tenant => tenant.Name),
        Risk = new RiskPolicy { SlowDown = TimeSpan.FromMilliseconds(200), Tarpit = TimeSpan.FromMilliseconds(600), TarpitsAtOnce = 2 },
        Argon2MemoryKiB = 64,
        Argon2Passes = 1,
    };

    public IGrainFactory Grains => _cluster.Client;

    internal string NewTenant() => $"town-{Interlocked.Increment(ref _tenant)}";

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<TimeProvider>(Time);
            silo.Services.AddSingleton<IClusterKeys>(Keys);
            silo.Services.AddSingleton<IAuditStore>(Ledger);
            silo.Services.AddKeyedSingleton<IGrainStorage>("encrypted", (s, _) => Storage = new TestStorage(s));
            silo.Services.AddGrains(Policy);
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        var services = _cluster.GetSiloServiceProvider();
        _ = services.GetRequiredKeyedService<IGrainStorage>("encrypted");
        Desk = services.GetRequiredService<RiskDesk>();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    /// <summary>Ends all activations, as a restart does.</summary>
    internal Task ForgetActivations() => Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

    internal static CallOrigin From(string trunk = Berlin, string? number = "1", Attestation attestation = Attestation.None, string source = "s:1", OriginClass origin = OriginClass.Unattested) => new()
    {
        Trunk = trunk,
        Class = attestation is Attestation.A ? OriginClass.Attested : origin,
        Attestation = attestation,
        Calling = number is null ? null : new CallerKey("n:" + number),
        Source = source,
    };

    /// <summary>A number that tries accounts over a trunk that answers for it.</summary>
    internal static CallOrigin Bad(string source = "s:1") => From(number: "bad", source: source, origin: OriginClass.TrustedTrunk);

    internal FactorAttempt Attempt(string tenant, CallOrigin from, CallId? call = null) => new()
    {
        Call = call ?? CallId.New(),
        Seq = 2,
        Tenant = tenant,
        Factor = FactorKind.Pin,
        Digits = SecretSealer.Seal(Keys.SealingKey, "call", "digits", "0000"u8),
        Purpose = "digits",
        Origin = from.Class,
        From = from,
    };

    /// <summary>An attempt as the caller grain judges and notes it.</summary>
    internal async Task<RiskAssessment> Try(string tenant, string account, string pin, CallOrigin from, FactorOutcome outcome = FactorOutcome.Refused, CallId? call = null)
    {
        var attempt = Attempt(tenant, from, call);
        var tag = Desk.TagOf(attempt, Encoding.ASCII.GetBytes(pin));
        var assessment = await Desk.Assess(attempt, new CallerKey("u:" + account), tag);
        Desk.Note(attempt, new CallerKey("u:" + account), tag, outcome, assessment);
        return assessment;
    }

    internal async Task<List<AuditEntry>> Audited(string tenant, string action) =>
        [.. (await Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(tenant)).Search(new AuditQuery { Action = action })).Records.Select(record => record.Entry)];

    /// <summary>Waits for what becomes true within the second or two that notes take, and fails when it does not. Notes may be lost, and an attack goes on: it is repeated now and then.</summary>
    internal static async Task Eventually(Func<Task<bool>> condition, Func<Task>? again = null)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        for (var tries = 1; !await condition(); tries++)
        {
            await Task.Delay(50, deadline.Token);
            if (tries % 60 == 0 && again is not null) await again();
        }
    }

    /// <summary>One number tries twelve accounts.</summary>
    internal async Task TryMany(string tenant, CallOrigin from)
    {
        for (var i = 0; i < 12; i++) await Try(tenant, $"a{i}", $"{1000 + i}", from);
    }

    private static TenantPolicy TenantOf(string name) => new()
    {
        Name = name,
        Numbers = new Dictionary<string, string>(),
        TransferTargets = new Dictionary<string, string>(),
        Trunks = new[]
        {
            new TrunkPolicy { Name = Berlin, Location = new GeoPoint(52.52, 13.405) },
            new TrunkPolicy { Name = NewYork, Location = new GeoPoint(40.713, -74.006) },
            new TrunkPolicy { Name = Phones, IsCarrier = false },
        }.ToDictionary(trunk => trunk.Name),
        Lockout = new LockoutRule(),
    };
}
