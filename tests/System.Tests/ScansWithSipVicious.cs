using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>The tools of SIPVicious against an edge that serves a carrier meanwhile: they learn nothing, their sources are blocked, and no call of the carrier suffers.</summary>
public sealed partial class ScansWithSipVicious
{
    private const string CarrierAddress = "127.0.0.2";
    private const string User = "100";
    private const string Stranger = "4711";
    private const string Password = "of-user-100";

    /// <summary>Wrong passwords that are heard before the block; see the table in docs/operations.md. One more, because points fade while they add up.</summary>
    private const int FailuresAllowed = 11;

    private static readonly string[] s_methods = ["OPTIONS", "REGISTER", "INVITE"];

    private const string Carrier = $"""
        - name: carrier
          from: [{CarrierAddress}/32]
          srtp: preferred
        """;

    /// <summary>Telephones with passwords, where every weakness that can be configured is on: svcrack answers MD5 over UDP only.</summary>
    /// <param name="from">Their addresses; empty: anywhere.</param>
    private static string Phones(string from) => $$"""
        - name: phones{{(from.Length == 0 ? "" : $"\n  from: [{from}]")}}
          digest: { realm: ivr.test, accounts: phones.accounts, md5: only, without_tls: true }
          registrar: { contacts: 4 }
          srtp: preferred
        """;

    [Fact]
    public async Task Who_is_no_trunks_hears_nothing_and_is_blocked_when_it_goes_on()
    {
        await using var server = await Started("silent", Carrier);
        await using var calls = await HonestCalls.Begin(server, CarrierAddress);

        var found = await Task.WhenAll(SipVicious.Map(server, "127.0.0.66", Enumerable.Repeat(s_methods, 12).SelectMany(methods => methods)),
            SipVicious.War(server, "127.0.0.67", "REGISTER", "100-150"), SipVicious.Crack(server, "127.0.0.68", User, [Password]));
        FoundNobody(found[0], found[1], found[2]);
        for (var i = 0; i < 3; i++) await SipVicious.Crash(server, "127.0.0.69");

        await Blocked(server, ("127.0.0.66", "unknown-source"));
        Assert.Equal(36 + 1 + 1 + 3, await server.Metric("ivr_sip_rejected_total", "reason=\"unknown_source\"") + await server.Metric("ivr_sip_rejected_total", "reason=\"blocked\""));
        Assert.InRange(await server.Metric("ivr_sip_rejected_total", "reason=\"blocked\""), 5, 36);
        await OnlyHonestCallsWereServed(server, calls);
        Assert.Empty(await Fail2Ban.Bans(server));
    }

    [Fact]
    public async Task Where_passwords_are_asked_for_from_anywhere_a_scanner_is_known_by_its_first_message()
    {
        await using var server = await Started("open", Carrier, Phones(from: ""));
        await using var calls = await HonestCalls.Begin(server, CarrierAddress);

        // The name of the last is hidden, in User-Agent and in From.
        var found = await Task.WhenAll(SipVicious.Map(server, "127.0.0.66", s_methods), SipVicious.War(server, "127.0.0.67", "REGISTER", "100-150"), SipVicious.Crack(server, "127.0.0.68", User, [Password]),
            SipVicious.Map(server, "127.0.0.69", s_methods, "-c", "--fromname", "Phone"));
        FoundNobody(found[0], found[1], found[2]);
        Assert.Contains(SipVicious.Nothing, found[3], StringComparison.Ordinal);
        // An answer that nobody asked for, and that is none: read, counted and forgotten.
        for (var i = 0; i < 3; i++) await SipVicious.Crash(server, "127.0.0.70");

        await Blocked(server, ("127.0.0.66", "scanner"), ("127.0.0.67", "scanner"), ("127.0.0.68", "scanner"), ("127.0.0.69", "scanner"));
        // Of three messages of svmap the next may come in before the first was judged.
        var known = await server.Metric("ivr_source_offences_total", "offence=\"scanner\"");
        Assert.InRange(known, 4, 8);
        Assert.Equal(3 + 1 + 1 + 3, known + await server.Metric("ivr_sip_rejected_total", "reason=\"blocked\""));
        Assert.Equal(3, await server.Metric("ivr_source_offences_total", "offence=\"malformed\""));
        Assert.Equal(0, await server.Metric("ivr_sip_authentications_total"));
        await OnlyHonestCallsWereServed(server, calls);
        // A datagram's source can be anybody's: the edge stops listening, a firewall is not told.
        Assert.Empty(await Fail2Ban.Bans(server));
    }

    [Fact]
    public async Task Guessing_from_an_address_of_a_trunk_finds_no_user_and_ends_after_ten_passwords()
    {
        await using var server = await Started("site", Carrier, Phones(from: "127.0.0.64/26"));
        await using var calls = await HonestCalls.Begin(server, CarrierAddress);

        // Scanners are not answered there either; but by their name nobody is blocked, or who forges one could cut off all telephones of the site.
        var found = Task.WhenAll(SipVicious.Map(server, "127.0.0.66", s_methods), SipVicious.War(server, "127.0.0.67", "REGISTER", "100-150"), SipVicious.Crack(server, "127.0.0.68", User, [Password]));
        // So what is learnt is learnt by tools that hide what they are.
        var users = await Task.WhenAll(s_methods.Select((method, i) => SipVicious.War(server, $"127.0.0.{80 + i}", method, "100-150", hidden: true)));
        Assert.All(users, output => Assert.Contains(SipVicious.Nothing, output, StringComparison.Ordinal));
        var answers = await Task.WhenAll(s_methods.Select(async (method, i) => await Task.WhenAll(Answer(server, $"127.0.0.{90 + i}", method, User), Answer(server, $"127.0.0.{100 + i}", method, Stranger))));
        Assert.All(answers, answer => Assert.Equal(answer[0], answer[1]));
        FoundNobody((await found)[0], (await found)[1], (await found)[2]);
        Assert.Equal((5, 0), (await server.Metric("ivr_source_offences_total", "offence=\"scanner\""), await server.Metric("ivr_sources_blocked")));

        string[] wrong = [.. Enumerable.Range(0, 40).Select(i => $"guess-{i}")];
        // That it would find the password, were it let: the third is right.
        Assert.Contains(Password, await SipVicious.Crack(server, "127.0.0.70", User, [.. wrong[..2], Password], hidden: true), StringComparison.Ordinal);
        Assert.Equal((2, 1), (await Authentications(server, "failed"), await Authentications(server, "accepted")));

        var guesses = await Task.WhenAll(SipVicious.Crack(server, "127.0.0.71", User, [.. wrong, Password], hidden: true), SipVicious.Crack(server, "127.0.0.72", Stranger, [.. wrong, Password], hidden: true));
        Assert.All(guesses, output => Assert.Contains(SipVicious.Nothing, output, StringComparison.Ordinal));
        Assert.InRange(await Authentications(server, "failed"), 2 + (2 * (FailuresAllowed - 1)), 2 + (2 * FailuresAllowed));
        Assert.Equal(1, await Authentications(server, "accepted"));
        // It went on asking, and was not heard.
        Assert.True(await server.Metric("ivr_sip_rejected_total", "reason=\"blocked\"") > 100);

        // Neither the right password nor another tool is heard from there.
        var late = await Task.WhenAll(SipVicious.Crack(server, "127.0.0.71", User, [Password], hidden: true), SipVicious.War(server, "127.0.0.71", "OPTIONS", User, hidden: true));
        Assert.Contains("no server response", late[0], StringComparison.Ordinal);
        Assert.Contains("timed out", late[1], StringComparison.Ordinal);
        // Forged datagrams of the carrier's address do nothing to the carrier.
        for (var i = 0; i < 3; i++) await SipVicious.Crash(server, CarrierAddress);

        await Blocked(server, ("127.0.0.71", "digest-failed"), ("127.0.0.72", "digest-failed"));
        await OnlyHonestCallsWereServed(server, calls);
        Assert.Equal<string>(["127.0.0.71", "127.0.0.72"], (await Fail2Ban.Bans(server)).Order());
    }

    [Fact]
    public async Task Where_strangers_are_told_403_a_host_is_found_and_neither_a_user_nor_a_password()
    {
        await using var server = await Started("forbidden", Carrier, Phones(from: "127.0.0.64/26"), "unknown_sources: forbidden\n");
        await using var calls = await HonestCalls.Begin(server, CarrierAddress);

        var map = await SipVicious.Map(server, "127.0.0.166", s_methods);
        Assert.Matches($@"127\.0\.0\.1:{server.SipPort}\s*\|\s*unknown", map);
        // One after the other: the answers are few a second, for all strangers together.
        foreach (var method in s_methods) Assert.Contains(SipVicious.Nothing, await SipVicious.War(server, "127.0.0.167", method, "100-150"), StringComparison.Ordinal);
        Assert.Contains(SipVicious.Nothing, await SipVicious.Crack(server, "127.0.0.168", User, [Password]), StringComparison.Ordinal);

        Assert.Equal(0, await server.Metric("ivr_sip_authentications_total"));
        Assert.True(await server.Metric("ivr_sip_rejected_total", "reason=\"blocked\"") > 100);
        await Blocked(server, ("127.0.0.168", "unknown-source"));
        await OnlyHonestCallsWereServed(server, calls);
    }

    /// <summary>None of the tools got any answer.</summary>
    private static void FoundNobody(string map, string war, string crack)
    {
        Assert.All([map, war, crack], output => Assert.Contains(SipVicious.Nothing, output, StringComparison.Ordinal));
        Assert.Contains("timed out", war, StringComparison.Ordinal);
        Assert.Contains("no server response", crack, StringComparison.Ordinal);
    }

    /// <summary>Every block as the edge counts it, as its log says it, and as the cluster knows it; these are among them.</summary>
    private static async Task Blocked(IvrServer server, params (string Source, string Reason)[] blocks)
    {
        foreach (var (source, reason) in blocks)
        {
            await Eventually.Holds(() => Task.FromResult(server.Output.Contains($"sip-block source={source} reason={reason} seconds=120", StringComparison.Ordinal)), $"{source} is blocked", () => server.Output);
            Assert.True(await server.Metric("ivr_source_blocks_total", $"reason=\"{reason}\"") >= 1, reason);
        }
        var all = BlockLine().Count(server.Output);
        Assert.Equal((all, all), (await server.Metric("ivr_sources_blocked"), await server.Metric("ivr_source_blocks_total")));
        await Eventually.Holds(async () => await server.Metric("ivr_shared_blocks") == all, "the cluster knows of the blocks", () => server.Output);
        var list = await server.Ivr(["blocks", "list"]);
        foreach (var (source, reason) in blocks) Assert.Contains($"{source} {reason} ", list, StringComparison.Ordinal);
    }

    /// <summary>One more call, then: every call that the carrier made was answered and ended by the caller, there was no other, and nothing broke.</summary>
    private static async Task OnlyHonestCallsWereServed(IvrServer server, HonestCalls calls)
    {
        await calls.One(server);
        var made = await calls.End();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_ended_total") == made, "every call ended", () => server.Output);
        Assert.Equal(made, await server.Metric("ivr_call_admissions_total", "trunk=\"carrier\""));
        Assert.Equal(made, await server.Metric("ivr_call_admissions_total"));
        Assert.Equal(made, await server.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));
        foreach (var none in (string[])["ivr_call_rejections_total", "ivr_calls_shed_total", "ivr_rate_limited_total"]) Assert.Equal(0, await server.Metric(none));
        Assert.Equal(0, await server.Metric("ivr_sip_rejected_total", "reason=\"internal_error\""));
    }

    private static Task<double> Authentications(IvrServer server, string result) => server.Metric("ivr_sip_authentications_total", $"result=\"{result}\"");

    /// <summary>What a request for this user is answered, as svwar prints it, without what is new in each answer.</summary>
    private static async Task<string> Answer(IvrServer server, string from, string method, string user)
    {
        var output = await SipVicious.War(server, from, method, user, hidden: true, verbose: true);
        var answer = output.Split('\n').LastOrDefault(line => line.StartsWith("b'SIP/2.0 401 ", StringComparison.Ordinal) && line.Contains($"sip:{user}@", StringComparison.Ordinal));
        Assert.True(answer is not null, output);
        return NewInEach().Replace(answer, "$1…").Replace(user, "user", StringComparison.Ordinal).Replace(from, "address", StringComparison.Ordinal);
    }

    private static async Task<IvrServer> Started(string name, string carrier, string phones = "", string keys = "")
    {
        foreach (var program in (string[])["sipp", "svmap", "svwar", "svcrack", "svcrash", "fail2ban-regex"]) Programs.Require(program);
        var server = IvrServer.Create("vicious-" + name, (yaml, _) => keys + ClusterFile.WithTrunks(yaml, phones.Length == 0 ? carrier : carrier + "\n" + phones));
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "phones.accounts"), $"{User}:{Password}\n");
        await server.Start();
        return server;
    }

    [GeneratedRegex("sip-block source=")]
    private static partial Regex BlockLine();

    [GeneratedRegex("""(nonce="|tag=|branch=|Call-ID: )[A-Za-z0-9_.-]+""")]
    private static partial Regex NewInEach();
}
