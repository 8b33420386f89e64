using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>Opus with a foreign encoder and decoder: libopus, as baresip uses it.</summary>
public sealed class CallsInOpus
{
    private const string Trunk = """
        - name: loopback
          from: [127.0.0.0/8]
          codecs: [opus]
        """;

    [Fact]
    public async Task A_phone_that_speaks_opus_only_hears_the_prompts_and_signs_in_by_keys()
    {
        Programs.Require("baresip");
        await using var server = IvrServer.Create("opus", (yaml, _) => ClusterFile.WithTrunks(yaml, Trunk));
        await server.Start();
        var caller = new TestCaller();
        await server.Enrol(caller, "640.00");
        await using var phone = await Baresip.StartOpus(Path.Combine(server.Folder, "phone"), Path.Combine(server.Data, "certs", "ca.pem"));
        await phone.Dial($"sip:bank@127.0.0.1:{server.TlsPort}");

        await Hears("enter-account-number");
        await phone.Press(caller.Account + "#");
        await Hears("enter-pin");
        await phone.Press(caller.Pin + "#");
        await Hears("enter-code");
        await phone.Press(caller.Code);
        await Hears("main-menu");
        await phone.Press("1");
        await Hears("your-balance-is");
        Assert.Equal(caller.Account.Length + caller.Pin.Length + "##1".Length + caller.Code.Length, await server.Metric("ivr_dtmf_digits_total", "rfc4733"));
        await phone.HangUp();
        await Eventually.Holds(async () => await server.Metric("ivr_calls_active") == 0, "the call ended", () => server.Output);

        Task Hears(string prompt) => Eventually.Holds(() => Task.FromResult(phone.HearsLike(prompt)), "heard " + prompt, () => $"{phone.Output}\n--- server:\n{server.Output}");
    }
}
