using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>The commands that the README tells a newcomer to type, as they stand there.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_readme = File.ReadAllText(Repository.At("README.md"));

    [Fact]
    public async Task The_verbs_of_the_readme_do_what_it_says()
    {
        await using var server = IvrServer.Create("readme");
        await server.Start();
        // Ready a moment before it says so.
        await Eventually.Holds(() => Task.FromResult(DemoAccount().IsMatch(server.Output)), "the demo callers are printed");
        var account = DemoAccount().Match(server.Output).Groups[1].Value;
        var verbs = Verb().Matches(s_readme).Select(line => line.Groups[1].Value.Trim()).ToList();
        Assert.Contains("check", verbs);
        Assert.Contains("audit verify", verbs);

        foreach (var verb in verbs)
        {
            var output = await server.Ivr(verb.Replace("12345678", account, StringComparison.Ordinal).Split(' '));
            if (verb.StartsWith("demo code", StringComparison.Ordinal)) Assert.Matches(@"\b[0-9]{6}\b", output);
        }
    }

    [Fact]
    public async Task The_first_command_finds_the_cluster_from_the_root_of_the_checkout()
    {
        await using var check = new ChildProcess("dotnet", ["run", "--no-build", "-c", IvrServer.Configuration, "--project", "Silo", "--", "check"], Repository.Root);
        Assert.True(await check.WaitForExit(Eventually.Limit) == 0, check.Output);
    }

    [Fact]
    public async Task The_sipp_call_of_the_readme_succeeds()
    {
        Programs.Require("sipp");
        await using var server = IvrServer.Create("readme-sipp");
        await server.Start();
        var arguments = SippLine().Match(s_readme).Groups[1].Value.Replace("5060", $"{server.SipPort}", StringComparison.Ordinal).Split(' ');
        await using var sipp = new ChildProcess("sipp", [.. arguments, "-nostdin"], Repository.Root, new Dictionary<string, string> { ["TERM"] = "dumb" });
        Assert.True(await sipp.WaitForExit(Eventually.Limit) == 0, sipp.Tail());
        Assert.Equal(100, await server.Metric("ivr_call_admissions_total"));
    }

    [GeneratedRegex(@"^\s*dotnet run --project Silo -- ([^#\n]+)", RegexOptions.Multiline)]
    private static partial Regex Verb();

    [GeneratedRegex(@"^\s*sipp (.+)$", RegexOptions.Multiline)]
    private static partial Regex SippLine();

    [GeneratedRegex(@"account ([0-9]{8})")]
    private static partial Regex DemoAccount();
}
