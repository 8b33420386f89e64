using System.Net;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime.Membership;
using Orleans.Runtime.MembershipService;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>Script 0003, as Orleans' own provider of membership uses it.</summary>
public sealed class PostgresMembershipTests : IAsyncLifetime
{
    private static readonly DateTime s_now = new(2030, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    private TestPostgresDatabase _database = null!;
    private PostgresDatabase _opened = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await TestPostgresDatabase.Create();
        _opened = (PostgresDatabase)_database.Open();
    }

    public async ValueTask DisposeAsync()
    {
        _opened?.Dispose();
        if (_database is not null) await _database.DisposeAsync();
    }

    [Fact]
    public async Task Silos_come_change_and_go_and_only_who_knows_the_last_version_changes_anything()
    {
        var (table, other) = (await Table("ivr"), await Table("ivr"));
        var (first, second) = (Silo(11111, 1), Silo(11112, 1));
        var empty = await table.ReadAllAsync();
        Assert.Equal((0, 0), (empty.Version.Version, empty.Members.Count));
        Assert.True(await table.InsertRowAsync(first, empty.Version.Next()));
        // Knows nothing of the first.
        Assert.False(await other.InsertRowAsync(second, empty.Version.Next()));
        var known = await other.ReadAllAsync();
        Assert.True(await other.InsertRowAsync(second, known.Version.Next()));
        Assert.False(await other.InsertRowAsync(second, (await other.ReadAllAsync()).Version.Next()));

        known = await table.ReadAllAsync();
        Assert.Equal((2, 2), (known.Version.Version, known.Members.Count));
        var (read, etag) = (await table.ReadRowAsync(second.SiloAddress)).Members.Single();
        Assert.Equal((second.SiloAddress, "silo-11112", "host", SiloStatus.Active, 30000, s_now, s_now), (read.SiloAddress, read.SiloName, read.HostName, read.Status, read.ProxyPort, read.StartTime, read.IAmAliveTime));

        read.Status = SiloStatus.Dead;
        read.SuspectTimes = [Tuple.Create(first.SiloAddress, s_now)];
        Assert.False(await table.UpdateRowAsync(read, etag, empty.Version.Next()));
        Assert.True(await table.UpdateRowAsync(read, etag, known.Version.Next()));
        var after = (await other.ReadRowAsync(second.SiloAddress)).Members.Single().Item1;
        Assert.Equal((SiloStatus.Dead, first.SiloAddress), (after.Status, after.SuspectTimes!.Single().Item1));
        Assert.False(await table.UpdateRowAsync(Silo(11113, 1), etag, (await table.ReadAllAsync()).Version.Next()));
        Assert.Equal(3, (await table.ReadAllAsync()).Version.Version);
    }

    [Fact]
    public async Task Of_racers_for_one_version_one_wins()
    {
        var table = await Table("ivr");
        for (var round = 0; round < 10; round++)
        {
            var version = (await table.ReadAllAsync()).Version.Next();
            var wins = await Task.WhenAll(Enumerable.Range(0, 8).Select(racer => Task.Run(() => table.InsertRowAsync(Silo(11000 + racer, round), version))));
            Assert.Single(wins, won => won);
        }
        Assert.Equal(10, (await table.ReadAllAsync()).Members.Count);
    }

    [Fact]
    public async Task A_silo_says_that_it_lives_and_what_is_long_gone_is_removed_but_no_active_one()
    {
        var table = await Table("ivr");
        foreach (var silo in new[] { Silo(11111, 1), Silo(11112, 1), Silo(11113, 1, SiloStatus.Dead), Silo(11114, 1, SiloStatus.Joining) })
            Assert.True(await table.InsertRowAsync(silo, (await table.ReadAllAsync()).Version.Next()));
        var alive = Silo(11112, 1);
        alive.IAmAliveTime = s_now.AddMinutes(5);
        await table.UpdateIAmAliveAsync(alive);
        Assert.Equal(alive.IAmAliveTime, (await table.ReadRowAsync(alive.SiloAddress)).Members.Single().Item1.IAmAliveTime);
        await table.CleanupDefunctSiloEntriesAsync(s_now.AddMinutes(1));
        Assert.Equal([11111, 11112], (await table.ReadAllAsync()).Members.Select(m => m.Item1.SiloAddress.Endpoint.Port).Order());
    }

    [Fact]
    public async Task A_client_finds_the_gateways_of_active_silos_of_its_cluster()
    {
        var (table, stranger) = (await Table("ivr"), await Table("other"));
        Assert.True(await table.InsertRowAsync(Silo(11111, 1), (await table.ReadAllAsync()).Version.Next()));
        Assert.True(await table.InsertRowAsync(Silo(11112, 1, SiloStatus.Dead), (await table.ReadAllAsync()).Version.Next()));
        Assert.True(await stranger.InsertRowAsync(Silo(11119, 1), (await stranger.ReadAllAsync()).Version.Next()));
        var gateways = new AdoNetGatewayListProvider(NullLogger<AdoNetGatewayListProvider>.Instance, Services(), Options.Create(new AdoNetClusteringClientOptions { Invariant = "Npgsql", DataSource = _opened.Source }),
            Options.Create(new GatewayOptions()), Options.Create(new ClusterOptions { ClusterId = "ivr", ServiceId = "ivr" }));
        await gateways.InitializeGatewayListProvider();
        Assert.Equal(new Uri("gwy.tcp://127.0.0.1:30000/1"), Assert.Single(await gateways.GetGateways()));
        await stranger.DeleteMembershipTableEntriesAsync("other");
        Assert.Equal(2, (await table.ReadAllAsync()).Members.Count);
        Assert.Equal(2, _database.Scalar("SELECT count(*) FROM silo"));
    }

    private async Task<AdoNetClusteringTable> Table(string cluster)
    {
        var table = new AdoNetClusteringTable(Services(), Options.Create(new ClusterOptions { ClusterId = cluster, ServiceId = "ivr" }),
            Options.Create(new AdoNetClusteringSiloOptions { Invariant = "Npgsql", DataSource = _opened.Source }), NullLogger<AdoNetClusteringTable>.Instance);
        await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
        return table;
    }

    private static ServiceProvider Services() => new ServiceCollection().BuildServiceProvider();

    private static MembershipEntry Silo(int port, int generation, SiloStatus status = SiloStatus.Active) => new()
    {
        SiloAddress = SiloAddress.New(IPAddress.Loopback, port, generation),
        SiloName = $"silo-{port}",
        HostName = "host",
        Status = status,
        ProxyPort = 30000,
        StartTime = s_now,
        IAmAliveTime = s_now,
    };
}
