using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Tests.Cluster;
using IvrActors.Silo.Tests.Storage;
using Microsoft.Extensions.Logging;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

public sealed class PostgresHostTests
{
    [Fact]
    public async Task A_cluster_keeps_all_it_has_in_postgresql_and_starts_again_from_another_folder()
    {
        await using var database = await TestPostgresDatabase.Create();
        using var first = new TestFolder();
        using var second = new TestFolder();
        string[] accounts;
        await using (var process = await Started(first, database))
        {
            accounts = [.. process.Opening!.DemoCallers.Select(caller => caller.Account)];
            Assert.Equal(3, accounts.Distinct().Count());
            // Of a call that another silo serves.
            database.Sql($"INSERT INTO grain_state VALUES ('call', 'call-elsewhere', 1, {database.Bytes("00")})");
            await process.Stop();
        }
        await using (var again = await Started(second, database))
        {
            Assert.Equal(accounts, again.Opening!.DemoCallers.Select(caller => caller.Account));
            await again.Stop();
        }
        Assert.Equal(1, database.Scalar("SELECT count(*) FROM grain_state WHERE state = 'call'"));
        using var output = new StringWriter();
        Assert.Equal(ExitCode.Done, await CommandLine.Run(["audit", "verify", "--cluster", Path.Combine(second, "cluster.yaml")], TextReader.Null, output, output));
        Assert.Matches("(?m)^demo: [1-9][0-9]* records, the chain holds", output.ToString());
    }

    private static async Task<IvrProcess> Started(string folder, TestDatabase database)
    {
        var file = Path.Combine(folder, "cluster.yaml");
        await File.WriteAllTextAsync(file, StorageReaderTests.Section().Replace(HostTests.Yaml(), database.Yaml));
        var (cluster, errors) = ClusterFileReader.Read(file);
        Assert.Empty(errors);
        TestKeys.CopyCertificateTo(cluster!.DataFolder);
        var process = IvrProcess.Create(cluster, LogLevel.Error);
        await process.Start();
        Assert.Empty(process.Opening!.FlowErrors);
        Assert.False(Directory.Exists(cluster.KeyFolder));
        return process;
    }
}
