using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>
/// The SIP stack of browsers over WebSockets (RFC 7118), run by Node with media that are only said to be there: it registers by digest, calls, sends a key by INFO and hangs
/// up. Like most of its kind it answers MD5 only, and looks at the first challenge alone.
/// </summary>
public sealed class CallsWithJsSip
{
    private const string Phones = """
        - name: phones
          digest: { realm: ivr.test, accounts: phones.accounts, md5: only, without_tls: true }
          registrar: { contacts: 4 }
          srtp: preferred
        """;

    [Fact]
    public async Task JsSip_registers_and_calls_over_ws_and_wss_with_the_right_password_and_with_no_other()
    {
        var node = Programs.Require("node");
        await using var server = IvrServer.Create("jssip", (yaml, _) => ClusterFile.WithTrunks(yaml, Phones));
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "phones.accounts"), "alice:secret-of-alice\n");
        await Install(server);
        await server.Start();
        foreach (var url in (Uri[])[server.Ws, server.Wss])
        {
            Assert.Equal(["registered", "answer m=audio PORT RTP/AVP 0 101", "confirmed", "key taken", "ended by local"], await Run(server, node, url, "secret-of-alice", exit: 0));
            Assert.True(await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"BYE\",transport=\"{url.Scheme}\"") >= 1, url.Scheme);
        }
        Assert.Equal(2, await server.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));
        Assert.Equal(["registration failed: Authentication Error"], await Run(server, node, server.Wss, "guess", exit: 2));
        // Registered and taken back, twice.
        Assert.Equal(4, await server.Metric("ivr_sip_registers_total", "result=\"accepted\""));
    }

    /// <summary>Its lines, without the media port and what Node has to say.</summary>
    private static async Task<string[]> Run(IvrServer server, string node, Uri url, string password, int exit)
    {
        await using var process = new ChildProcess(node, [Path.Combine(server.Folder, "call.js"), url.ToString(), "alice", password], server.Folder,
            new Dictionary<string, string> { ["NODE_EXTRA_CA_CERTS"] = Path.Combine(server.Data, "certs", "ca.pem") });
        Assert.True(await process.WaitForExit(Eventually.Limit) == exit, $"{process.Output}\n--- server:\n{server.Output}");
        return [.. process.Output.Split('\n').Select(line => System.Text.RegularExpressions.Regex.Replace(line, "m=audio [0-9]+", "m=audio PORT"))];
    }

    /// <summary>The versions of the lock file, from the npm registry.</summary>
    private static async Task Install(IvrServer server)
    {
        foreach (var file in Directory.EnumerateFiles(Repository.At("tests", "System.Tests", "jssip"))) File.Copy(file, Path.Combine(server.Folder, Path.GetFileName(file)));
        await using var npm = new ChildProcess(Programs.Require("npm"), ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], server.Folder);
        Assert.True(await npm.WaitForExit(Eventually.Limit) == 0, npm.Output);
    }
}
