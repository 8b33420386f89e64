using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Tests.Cluster;
using IvrActors.Silo.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public sealed partial class BackupHostTests
{
    /// <summary>By the very commands of docs/operations.md, "Back up".</summary>
    [Fact]
    public async Task A_caller_gets_in_at_a_cluster_that_was_restored_elsewhere_from_a_backup_of_a_running_one()
    {
        using var folder = new TestFolder();
        using var elsewhere = new TestFolder();
        await File.WriteAllTextAsync(Path.Combine(folder, "backup.password"), "a long enough password", TestContext.Current.CancellationToken);
        var documented = Documented();
        Assert.Equal(["backup", "restore", "restore", "audit", "run", "migrate-store"], documented.Select(command => command.Split(' ')[1]));
        var (made, verified, restored, checkedOver) = (documented[0], documented[1], documented[2], documented[3]);
        await using (var process = await Started(folder))
        {
            var enrolled = await new CallerEnroller(new SystemCaller(process.Services)).Enrol(new NewCaller { Tenant = "demo", Account = "77001122", Pin = "480261" }, onlyNew: false);
            Assert.Null(enrolled.Error);
            await Run(made, folder, folder);
            await process.Stop();
        }
        var bytes = await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(folder, "*.backup")), TestContext.Current.CancellationToken);
        foreach (var known in new[] { "77001122", "caller.enrolled", "backup.made", "grain_state", "ivr-dev" }) Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(known)));
        await Run(verified, folder, elsewhere);
        Assert.False(Directory.Exists(Path.Combine(elsewhere, "data")));
        await Run(restored, folder, elsewhere);
        Assert.Matches("(?m)^cluster: [0-9]+ records, the chain holds", await Run(checkedOver, folder, elsewhere));
        await using (var process = await Started(elsewhere))
        {
            Assert.Equal((FactorOutcome.Refused, FactorOutcome.Accepted), (await Try(process, "480262"), await Try(process, "480261")));
            await process.Stop();
        }
    }

    private static string[] Documented()
    {
        var text = File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"));
        var section = text[text.IndexOf("## Back up\n", StringComparison.Ordinal)..text.IndexOf("## PostgreSQL\n", StringComparison.Ordinal)];
        return [.. Command().Matches(section).Select(match => match.Value.TrimEnd())];
    }

    /// <summary>Runs a documented command on the cluster of a folder, with the files of another.</summary>
    private static async Task<string> Run(string command, string files, string folder)
    {
        var arguments = command.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(word => word.StartsWith("ivr-", StringComparison.Ordinal) || word == "backup.password" ? Path.Combine(files, word) : word);
        await Yaml(folder);
        var (exit, output, error) = await CommandLineTests.Ivr([.. arguments, "--cluster", Path.Combine(folder, "cluster.yaml")]);
        Assert.True(exit == ExitCode.Done, $"{command}: {error}");
        return output;
    }

    private static async Task Yaml(string folder)
    {
        var file = Path.Combine(folder, "cluster.yaml");
        if (!File.Exists(file)) await File.WriteAllTextAsync(file, HostTests.Yaml().Replace("demo_callers: 3", "demo_callers: 0", StringComparison.Ordinal));
    }

    private static async Task<IvrProcess> Started(string folder)
    {
        await Yaml(folder);
        var cluster = ClusterFileReader.Read(Path.Combine(folder, "cluster.yaml")).Cluster!;
        if (!Directory.Exists(cluster.DataFolder)) TestKeys.CopyTo(cluster.DataFolder, cluster.Service);
        var process = IvrProcess.Create(cluster, LogLevel.Error);
        await process.Start();
        Assert.Empty(process.Opening!.FlowErrors);
        return process;
    }

    private static async Task<FactorOutcome> Try(IvrProcess process, string pin)
    {
        var grains = new SystemCaller(process.Services);
        var caller = await grains.Call<IEnrolmentGrain, CallerKey>(IEnrolmentGrain.Key, front => front.KeyOf("demo", new PersonalText("77001122")));
        var sealing = await grains.Call<IEnrolmentGrain, SealingKey>(IEnrolmentGrain.Key, front => front.GetSealingKey());
        var call = CallId.New();
        var result = await grains.Call<ICallerGrain, FactorResult>(caller.Value, grain => grain.Verify(new FactorAttempt
        {
            Call = call,
            Seq = 1,
            Tenant = "demo",
            Factor = FactorKind.Pin,
            Purpose = "digits",
            Origin = OriginClass.Unattested,
            Wanted = Assurance.Low,
            Digits = SecretSealer.Seal(sealing, call.Value, "digits", Encoding.ASCII.GetBytes(pin)),
        }));
        return result.Outcome;
    }

    private sealed class SystemCaller(IServiceProvider services) : IGrainCaller
    {
        public async Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey
        {
            RequestContext.Set(RoleToken.ContextKey, services.GetRequiredService<RoleTokens>().IssueSystem());
            return await call(services.GetRequiredService<IGrainFactory>().GetGrain<TGrain>(key));
        }
    }

    [GeneratedRegex("(?m)^ivr [^#\n]+")]
    private static partial Regex Command();
}
