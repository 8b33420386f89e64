using System.Globalization;
using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Calls that are recorded: by the real server, from the question to the file, and what becomes of it.</summary>
public sealed class RecordedCalls
{
    private const byte Silence = 0xff;
    private const int WavHeader = 58;

    private static readonly TimeSpan s_breath = TimeSpan.FromSeconds(2.5);

    [Fact]
    public async Task Both_sides_are_recorded_encrypted_and_the_secret_is_silence_until_the_caller_is_erased()
    {
        await using var server = await Started("recorded");
        var caller = new TestCaller();
        await server.Enrol(caller, "4821.17");
        await using var phone = new RtpListener(says: "welcome");
        await using var call = await Sipp.Call(server, phone.Port,
            [new(s_breath, "1"), new(TimeSpan.FromSeconds(3), caller.Account), new(TimeSpan.FromSeconds(3), caller.Pin + "#")], SippEnd.AwaitBye, caller.Number, called: "rec");
        await phone.WaitFor(["enter-account-number", "enter-pin", "sorry-no-input", "goodbye"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        await Eventually.Holds(async () => await server.Metric("ivr_recordings_ended_total", "complete") == 1, "the recording ended", () => server.Output);

        var file = Assert.Single(Files(server));
        var name = Path.GetFileNameWithoutExtension(file);
        await Eventually.Holds(async () => Regex.IsMatch(await List(server), name + @" \S+Z call-\w+ n:\S+ node-1 seconds=\d+\.\d complete"), "it is listed", () => server.Output);
        var wav = Path.Combine(server.Folder, "out.wav");
        var told = await server.Ivr(["recording", "decrypt", name, "--out", wav]);
        Assert.Matches(@"; complete\s*$", told);

        var (left, right) = Channels(wav);
        Assert.NotEqual(-1, PromptAudio.Load("enter-account-number").EndIn(right));
        Assert.NotEqual(-1, PromptAudio.Load("sorry-no-input").EndIn(right));
        Assert.NotEqual(-1, PromptAudio.Load("welcome").EndIn(left));
        // The caller speaks all the time, and PIN and prompt took some seconds: there is one long silence, on both sides.
        Assert.Equal(-1, right.AsSpan().IndexOf(PromptAudio.Load("enter-pin").Fingerprint));
        Assert.InRange(LongestSilence(File.ReadAllBytes(wav)[WavHeader..]) / 16000.0, 4, 20);
        var secret = double.Parse(Regex.Match(told, @"of which (\d+\.\d) s").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(secret, 4, 20);
        AssertNoPlainAudio(file, wav);

        await server.Ivr(["caller", "erase", "--tenant", "demo", "--account", caller.Account]);
        Assert.Contains("There is no key to it any more", await server.Ivr(["recording", "decrypt", name, "--out", wav + "2"], expectedExit: 1), StringComparison.Ordinal);
        Assert.False(File.Exists(wav + "2"));
        Assert.DoesNotContain(name, await List(server), StringComparison.Ordinal);
        await server.Stop();
        await server.Ivr(["audit", "verify"]);
        var export = await server.Ivr(["audit", "export"]);
        Assert.Matches("recording\\.permitted.*the caller agreed", export);
        Assert.Matches("command-line.*recording\\.opened", export);
        Assert.Contains("caller.erased", export, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_does_not_agree_is_not_recorded()
    {
        await using var server = await Started("not-recorded");
        await using var phone = new RtpListener();
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, "2")], SippEnd.AwaitBye, called: "rec");
        await phone.WaitFor(["goodbye"], () => call.Tail() + server.Output);
        Assert.True(await call.WaitForExit(Eventually.Limit) == 0, call.Tail() + server.Output);
        Assert.Empty(Files(server));
    }

    [Fact]
    public async Task A_server_that_is_killed_leaves_a_recording_that_opens_but_for_its_last_second()
    {
        await using var server = await Started("killed");
        await using var phone = new RtpListener(says: "welcome");
        await using var call = await Sipp.Call(server, phone.Port, [new(s_breath, "1"), new(TimeSpan.FromSeconds(60), "")], SippEnd.HangUp, called: "rec");
        await Eventually.Holds(() => Task.FromResult(Files(server).Length == 1), "the recording began", () => server.Output);
        var before = phone.Packets;
        await Eventually.Holds(() => Task.FromResult(phone.Packets >= before + 250), "five seconds passed", () => server.Output);
        var heard = phone.Packets - before;
        await server.Kill();

        await server.Start();
        var wav = Path.Combine(server.Folder, "out.wav");
        var told = await server.Ivr(["recording", "decrypt", Path.GetFileNameWithoutExtension(Assert.Single(Files(server))), "--out", wav]);
        Assert.Contains("cut short", told, StringComparison.Ordinal);
        var (left, right) = Channels(wav);
        Assert.True(left.Length / 8000.0 > heard * 0.02 - 1, $"{left.Length / 8000.0} s of {heard * 0.02} s");
        Assert.NotEqual(-1, PromptAudio.Load("enter-account-number").EndIn(right));
        AssertNoPlainAudio(Files(server)[0], wav);
    }

    private static string[] Files(IvrServer server)
    {
        var folder = Path.Combine(server.Data, "recordings");
        return Directory.Exists(folder) ? Directory.GetFiles(folder, "*.ivrrec") : [];
    }

    private static Task<string> List(IvrServer server) => server.Ivr(["recording", "list", "--tenant", "demo"]);

    private static (byte[] Left, byte[] Right) Channels(string wav)
    {
        var samples = File.ReadAllBytes(wav)[WavHeader..];
        return ([.. samples.Where((_, i) => i % 2 == 0)], [.. samples.Where((_, i) => i % 2 == 1)]);
    }

    /// <summary>Bytes of both sides that are silence one behind the other.</summary>
    private static int LongestSilence(byte[] samples)
    {
        var (longest, length) = (0, 0);
        foreach (var sample in samples)
        {
            length = sample == Silence ? length + 1 : 0;
            longest = Math.Max(longest, length);
        }
        return longest;
    }

    /// <summary>No piece of what was said stands in the file, neither as it is recorded nor as it was sent.</summary>
    private static void AssertNoPlainAudio(string file, string wav)
    {
        var encrypted = File.ReadAllBytes(file);
        var (left, right) = Channels(wav);
        var searched = 0;
        foreach (var audio in new[] { File.ReadAllBytes(wav)[WavHeader..], left, right })
        {
            for (var at = 0; at + 12 <= audio.Length; at += 160)
            {
                var piece = audio.AsSpan(at, 12);
                if (piece.Count(Silence) > 6) continue;
                searched++;
                Assert.Equal(-1, encrypted.AsSpan().IndexOf(piece));
            }
        }
        Assert.True(searched > 200, $"{searched} pieces");
    }

    private static async Task<IvrServer> Started(string name)
    {
        Programs.Require("sipp");
        var server = IvrServer.Create(name, (yaml, folder) =>
        {
            var flows = Directory.CreateDirectory(Path.Combine(folder, "flows")).FullName;
            File.Copy(Repository.At("flows", "bank.yaml"), Path.Combine(flows, "bank.yaml"));
            File.WriteAllText(Path.Combine(flows, "rec.yaml"), Flow);
            yaml = Regex.Replace(yaml, @"flows: \S+", $"flows: {flows}");
            yaml = Regex.Replace(yaml, "# recordings:", "recordings:");
            return yaml.Replace("numbers: { bank: bank }", "numbers: { bank: bank, rec: rec }", StringComparison.Ordinal);
        });
        await server.Start();
        return server;
    }

    private const string Flow = """
        flow: rec
        language: en
        start: may_we
        steps:
          may_we: { record: start, consent: [on], on: { next: account, declined: bye, unavailable: bye } }
          account:
            collect: account
            digits: 8
            terminator: none
            secret: false
            prompt: [enter-account-number]
            first_digit_timeout: 30s
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: pin, failed: bye }
          pin:
            collect: pin
            digits: { min: 4, max: 8 }
            secret: true
            prompt: [enter-pin]
            first_digit_timeout: 10s
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: check, failed: bye }
          check: { verify: pin, account: account, with: pin, on: { accepted: more, refused: bye, exhausted: bye, unavailable: bye } }
          more:
            menu: [main-menu]
            choices: { "1": bye }
            attempts: 2
            first_digit_timeout: 2s
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { failed: bye }
          bye: { hang_up: true, play: [goodbye] }
        """;
}
