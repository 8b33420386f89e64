using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>
/// Phones of a trunk that is known by passwords alone (digest): they register with us and call us, over each transport that they speak. Of the counterparts in
/// Debian only Linphone knows SHA-256; baresip and sipp stop at a challenge that they do not know, so their trunk offers MD5 alone.
/// </summary>
public sealed class CallsWithPasswords
{
    private static string Phones(string md5) => $$"""
        - name: phones
          digest: { realm: ivr.test, accounts: phones.accounts, md5: {{md5}}, without_tls: true }
          registrar: { contacts: 4 }
          srtp: preferred
        """;

    [Fact]
    public async Task Sipp_registers_and_calls_over_udp_and_tcp_with_the_right_password_and_with_no_other()
    {
        Programs.Require("sipp");
        await using var server = await Started("sipp-password", "only");
        await using var rtp = new RtpListener();
        foreach (var tcp in (bool[])[false, true])
        {
            await Ends(SippSignIn.Register(server, tcp, "alice", "secret-of-alice"));
            await Ends(SippSignIn.Call(server, tcp, "alice", "secret-of-alice", rtp.Port));
            await Ends(SippSignIn.Register(server, tcp, "alice", "guess", refused: true));
            await Ends(SippSignIn.Call(server, tcp, "alice", "guess", rtp.Port, refused: true));
        }
        Assert.Equal((4, 4), (await server.Metric("ivr_sip_authentications_total", "result=\"accepted\""), await server.Metric("ivr_sip_authentications_total", "result=\"failed\"")));
        Assert.Equal(2, await server.Metric("ivr_sip_registers_total", "result=\"accepted\""));
        Assert.Equal(2, await server.Metric("ivr_calls_ended_total", "reason=\"caller_hung_up\""));

        async Task Ends(Task<ChildProcess> start)
        {
            await using var process = await start;
            Assert.True(await process.WaitForExit(Eventually.Limit) == 0, $"{process.Tail()}\n--- server:\n{server.Output}");
        }
    }

    [Fact]
    public async Task Baresip_registers_and_calls_over_udp_tcp_and_tls_with_the_right_password_and_with_no_other()
    {
        Programs.Require("baresip");
        await using var server = await Started("baresip-password", "only");
        string[] transports = ["udp", "tcp", "tls"];
        await Task.WhenAll(transports.Select(transport => BaresipCalls(server, transport)));
        Assert.Equal(transports.Length, await server.Metric("ivr_sip_registers_total", "result=\"accepted\""));
        foreach (var transport in transports) Assert.True(await server.Metric("ivr_sip_messages_total", $"direction=\"in\",method=\"BYE\",transport=\"{transport}\"") >= 1, transport);

        await using var wrong = await Baresip.Start(Path.Combine(server.Folder, "wrong"), Ca(server), Account(server, "tls", "alice", "guess"));
        // It answers each challenge with the same password again, until its source is blocked.
        await Eventually.Holds(() => Task.FromResult(server.Output.Contains("sip-block source=127.0.0.1 reason=digest-failed", StringComparison.Ordinal)), "the source is blocked", () => $"{wrong.Output}\n--- server:\n{server.Output}");
        Assert.Equal(transports.Length, await server.Metric("ivr_sip_registers_total", "result=\"accepted\""));
    }

    [Fact]
    public async Task Linphone_registers_and_calls_by_sha_256_over_udp_tcp_and_tls_with_the_right_password_and_with_no_other()
    {
        Programs.Require("linphonec");
        await using var server = await Started("linphone-password", "false");
        string[] transports = ["udp", "tcp", "tls"];
        await Task.WhenAll(transports.Select(transport => LinphoneCalls(server, transport)));
        var registered = await server.Metric("ivr_sip_registers_total", "result=\"accepted\"");
        Assert.True(registered >= transports.Length);

        await using var wrong = await Linphone.Start(server, "udp", LinphoneAccount("bob", "guess"), "wrong");
        await wrong.Register("sip:bob@127.0.0.1", $"sip:127.0.0.1:{server.SipPort}");
        await Eventually.Holds(async () => await server.Metric("ivr_sip_authentications_total", "result=\"failed\"") >= 1, "the wrong password was tried", () => $"{wrong.Output}\n--- server:\n{server.Output}");
        Assert.Equal(registered, await server.Metric("ivr_sip_registers_total", "result=\"accepted\""));
    }

    private static async Task BaresipCalls(IvrServer server, string transport)
    {
        await using var phone = await Baresip.Start(Path.Combine(server.Folder, "phone-" + transport), Ca(server), Account(server, transport, "alice", "secret-of-alice"));
        await Eventually.Holds(() => Task.FromResult(phone.Output.Contains("200 OK", StringComparison.Ordinal)), "baresip is registered", () => $"{phone.Output}\n--- server:\n{server.Output}");
        await phone.Dial($"sip:bank@127.0.0.1:{(transport == "tls" ? server.TlsPort : server.SipPort)}");
        await Eventually.Holds(() => Task.FromResult(phone.Hears(["enter-account-number"])), "heard enter-account-number", () => $"{phone.Output}\n--- server:\n{server.Output}");
        await phone.HangUp();
    }

    private static async Task LinphoneCalls(IvrServer server, string transport)
    {
        await using var phone = await Linphone.Start(server, transport, LinphoneAccount("bob", "secret-of-bob"));
        // By name: it compares a certificate with names only, not with addresses.
        var host = transport == "tls" ? $"localhost:{server.TlsPort}" : $"127.0.0.1:{server.SipPort}";
        await phone.Register("sip:bob@127.0.0.1", $"sip:{host};transport={transport}");
        await Eventually.Holds(phone.IsRegistered, "linphonec is registered", () => $"{phone.Output}\n--- server:\n{server.Output}");
        await phone.Dial($"sip:bank@{host};transport={transport}");
        await Eventually.Holds(() => Task.FromResult(phone.Hears("enter-account-number")), "heard enter-account-number", () => $"{phone.Output}\n--- server:\n{server.Output}");
        await phone.HangUp();
    }

    private static string Ca(IvrServer server) => Path.Combine(server.Data, "certs", "ca.pem");

    private static string Account(IvrServer server, string transport, string user, string password) =>
        $"<sip:{user}@127.0.0.1:{(transport == "tls" ? server.TlsPort : server.SipPort)};transport={transport}>;auth_user={user};auth_pass={password};regint=120;audio_codecs=PCMU{(transport == "tls" ? ";mediaenc=srtp-mand" : "")}";

    private static string LinphoneAccount(string user, string password) => $"""
        [auth_info_0]
        username={user}
        passwd={password}
        realm=ivr.test
        domain=127.0.0.1
        """;

    private static async Task<IvrServer> Started(string name, string md5)
    {
        var server = IvrServer.Create(name, (yaml, _) => ClusterFile.WithTrunks(yaml, Phones(md5)));
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "phones.accounts"), "alice:secret-of-alice\nbob:secret-of-bob\n");
        await server.Start();
        return server;
    }
}
