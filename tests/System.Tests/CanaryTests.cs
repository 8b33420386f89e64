using System.Text;
using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;
using Microsoft.Data.Sqlite;

namespace IvrActors.SystemTests;

/// <summary>Nothing that a caller types, and no number, is found in anything that the server leaves behind or shows.</summary>
public sealed class CanaryTests
{
    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(1.2);

    [Fact]
    public async Task Planted_secrets_are_found_in_no_file_log_metric_or_export()
    {
        Programs.Require("sipp");
        await using var server = IvrServer.Create("canary");
        await server.Start(logLevel: "trace");
        var caller = new TestCaller();
        await server.Enrol(caller, "4821.17");

        await using (var phone = new RtpListener())
        {
            await using var right = await Sipp.Call(server, phone.Port,
                [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#"), new(s_breath, caller.Code), new(s_breath, "1"), new(TimeSpan.FromSeconds(5), "")],
                SippEnd.HangUp, caller.Number);
            Assert.True(await right.WaitForExit(Eventually.Limit) == 0, right.Tail());
            Assert.True(phone.Heard("your-balance-is"), phone.Recognised());
        }
        await using (var phone = new RtpListener())
        {
            await using var wrong = await Sipp.Call(server, phone.Port,
                [new(s_breath, caller.Account + "#"), new(s_breath, caller.WrongPin + "#"), new(s_breath, caller.Pin)], SippEnd.HangUp, caller.Number);
            Assert.True(await wrong.WaitForExit(Eventually.Limit) == 0, wrong.Tail());
        }
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "both calls ended", () => server.Output);
        var metrics = await server.Metrics();
        await server.Stop();
        var export = await server.Ivr(["audit", "export"]);
        await server.Ivr(["audit", "verify"]);

        // The proof that the search would find something: the call is there, under its pseudonym.
        Assert.Contains("call.admitted", export, StringComparison.Ordinal);
        Assert.Contains("call-", server.Output, StringComparison.Ordinal);
        var canaries = Canaries(caller);
        foreach (var (what, needle) in canaries)
        {
            foreach (var file in Directory.EnumerateFiles(server.Data, "*", SearchOption.AllDirectories))
                Assert.False(File.ReadAllBytes(file).AsSpan().IndexOf(needle) >= 0, $"{what} stands in {Path.GetRelativePath(server.Folder, file)}");
            AssertAbsent(what, needle, "the log", server.Output);
            AssertAbsent(what, needle, "the metrics", metrics);
            AssertAbsent(what, needle, "the audit export", export);
        }
    }

    [Fact]
    public async Task A_row_copied_over_another_is_refused_counted_and_answered_politely()
    {
        Programs.Require("sipp");
        await using var server = IvrServer.Create("rowcopy");
        await server.Start();
        var victim = new TestCaller();
        var thief = new TestCaller();
        await server.Enrol(victim, "9000.00");
        await server.Enrol(thief, "1.00");
        await server.Stop();
        await CopyOneCallerRowOverTheOthers(Path.Combine(server.Data, "ivr.db"));
        await server.Start();

        // The row that was copied may be of one of the two, who goes on then; whose row is another's hears that something is wrong.
        var refused = 0;
        foreach (var caller in new[] { victim, thief })
        {
            await using var phone = new RtpListener();
            await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, caller.Account + "#"), new(s_breath, caller.Pin + "#")], SippEnd.AwaitBye);
            await Eventually.Holds(() => Task.FromResult(phone.Heard("error-polite") || phone.Heard("enter-code")), "heard what came of it", () => phone.Recognised() + "\n" + call.Tail() + server.Output);
            if (phone.Heard("error-polite")) refused++;
        }
        Assert.InRange(refused, 1, 2);
        Assert.True(await server.Metric("ivr_storage_tampered_total") >= 1);
    }

    private static List<(string What, byte[] Needle)> Canaries(TestCaller caller) =>
    [
        ("the number", Encoding.ASCII.GetBytes(caller.Number)),
        ("the number without +", Encoding.ASCII.GetBytes(caller.Number[1..])),
        ("the account", Encoding.ASCII.GetBytes(caller.Account)),
        ("the account in UTF-16", Encoding.Unicode.GetBytes(caller.Account)),
        ("the PIN", Encoding.ASCII.GetBytes(caller.Pin)),
        ("the wrong PIN", Encoding.ASCII.GetBytes(caller.WrongPin)),
        ("the TOTP secret", Encoding.ASCII.GetBytes(caller.TotpSecret)),
        ("the TOTP key's bytes", caller.TotpKey.ToArray()),
        ("the TOTP key in hex", Encoding.ASCII.GetBytes(Convert.ToHexString(caller.TotpKey))),
        ("the TOTP key in base64", Encoding.ASCII.GetBytes(Convert.ToBase64String(caller.TotpKey))),
    ];

    // Digits around it make it another number (a tick count, a port and an id side by side).
    private static void AssertAbsent(string what, byte[] needle, string where, string text)
    {
        var found = Regex.Match(text, @"(?<!\d)" + Regex.Escape(Encoding.Latin1.GetString(needle)) + @"(?!\d)");
        if (found.Success) Assert.Fail($"{what} stands in {where}: {text[Math.Max(0, found.Index - 200)..Math.Min(text.Length, found.Index + 100)]}");
    }

    private static async Task CopyOneCallerRowOverTheOthers(string file)
    {
        await using var database = new SqliteConnection($"Data Source={file};Pooling=False");
        await database.OpenAsync();
        await using var command = database.CreateCommand();
        command.CommandText = "UPDATE grain_state SET payload = (SELECT payload FROM grain_state WHERE state = 'caller' LIMIT 1) WHERE state = 'caller'";
        Assert.True(await command.ExecuteNonQueryAsync() >= 2);
    }
}
