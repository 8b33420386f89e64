using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Auth;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Trunks of a whole edge over real sockets: who is let in, who registers with whom, and how many calls each may have.</summary>
public class TrunkLoopbackTests
{
    private const string Realm = "ivr.example";
    private const string Somewhere = "127.0.40.1";
    private const string Elsewhere = "127.0.40.2";

    private static EdgeTrunk Phones(bool registrar = false, bool withoutTls = false) => new()
    {
        Name = "phones",
        Tenant = "demo",
        Digest = new TrunkDigest { Realm = Realm, WithoutTls = withoutTls, Accounts = new Dictionary<string, DigestAccount> { ["alice"] = new("alice", Realm, "secret", md5: false) } },
        Registrar = registrar ? new TrunkRegistrar() : null,
    };

    [Fact]
    public async Task A_phone_with_the_right_password_calls_from_anywhere_over_tls()
    {
        await using var host = await EdgeHost.Start(trunks: [Phones()]);
        await using var phone = await Phone.Stream(host.Tls, tls: true, Somewhere);
        var challenge = await Challenge(phone, "INVITE");
        var answer = await Ask(phone, "INVITE", 2, Answer(challenge, "INVITE"));
        Assert.Equal(200, answer.Status);
        await phone.Request("ACK", 2, answer.To.Tag);
        Assert.Equal("phones", Assert.IsType<CallOffered>(host.Events.First()).Trunk);
        await phone.Request("BYE", 3, answer.To.Tag);
        Assert.Equal(200, (await phone.Final()).Status);
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
    }

    [Theory]
    [InlineData("alice", "wrong")]
    [InlineData("mallory", "secret")]
    public async Task A_wrong_password_and_an_unknown_user_are_challenged_again_and_ask_no_grain(string user, string password)
    {
        await using var host = await EdgeHost.Start(trunks: [Phones()]);
        await using var phone = await Phone.Stream(host.Tls, tls: true, Somewhere);
        var refused = await Ask(phone, "INVITE", 2, Answer(await Challenge(phone, "INVITE"), "INVITE", user, password));
        Assert.Equal(401, refused.Status);
        Assert.DoesNotContain("stale", refused.Headers.First("WWW-Authenticate"), StringComparison.Ordinal);
        Assert.Empty(host.Events);
    }

    [Fact]
    public async Task An_answer_that_was_heard_is_worth_nothing_again_and_nothing_elsewhere()
    {
        await using var host = await EdgeHost.Start(trunks: [Phones()]);
        await using var phone = await Phone.Stream(host.Tls, tls: true, Somewhere);
        await using var thief = await Phone.Stream(host.Tls, tls: true, Elsewhere);
        var answer = Answer(await Challenge(phone, "OPTIONS"), "OPTIONS");
        Assert.Equal(401, (await Ask(thief, "OPTIONS", 1, answer)).Status);
        Assert.Equal(200, (await Ask(phone, "OPTIONS", 2, answer)).Status);
        var replayed = await Ask(phone, "OPTIONS", 3, answer);
        Assert.Equal(401, replayed.Status);
        var fresh = replayed.Headers.First("WWW-Authenticate")!;
        Assert.Contains("stale=true", fresh, StringComparison.Ordinal);
        Assert.Equal(200, (await Ask(phone, "OPTIONS", 4, Answer(fresh, "OPTIONS"))).Status);
    }

    [Fact]
    public async Task Over_udp_and_tcp_a_digest_trunk_is_not_there_unless_it_says_so()
    {
        await using (var host = await EdgeHost.Start(trunks: [Phones()]))
        {
            await using var phone = Phone.Udp(host.Udp, Somewhere);
            await using var friend = Phone.Udp(host.Udp);
            await phone.Request("OPTIONS", 1);
            await friend.Request("OPTIONS", 1);
            Assert.Equal(200, (await friend.Final()).Status);
            Assert.Equal(0, phone.Available);
            await using var connected = await Phone.Stream(host.Tcp, tls: false, Somewhere);
            Assert.Equal("", await connected.ReadToEnd());
        }
        await using var open = await EdgeHost.Start(trunks: [Phones(withoutTls: true)]);
        await using var over = Phone.Udp(open.Udp, Somewhere);
        Assert.Equal(200, (await Ask(over, "OPTIONS", 2, Answer(await Challenge(over, "OPTIONS"), "OPTIONS"))).Status);
    }

    [Fact]
    public async Task A_stranger_is_told_that_he_is_one_where_that_is_wished_and_only_a_few_times_a_second()
    {
        await using var host = await EdgeHost.Start(unknown: UnknownSources.Forbidden);
        await using var stranger = Phone.Udp(host.Udp, Somewhere);
        await stranger.Request("INVITE", 1);
        Assert.Equal(403, (await stranger.Final()).Status);
        for (var i = 0; i < 100; i++) await stranger.Request("INVITE", 1);
        await using var friend = Phone.Udp(host.Udp);
        await friend.Request("OPTIONS", 1);
        Assert.Equal(200, (await friend.Final()).Status);
        // Ten at once, and five a second on a machine that takes its time.
        var answers = 0;
        for (; stranger.Available > 0; answers++) await stranger.Receive();
        Assert.InRange(answers, 1, 60);
    }

    [Fact]
    [Clause("26.3.1", "a registrar speaks TLS with one certificate and with two")]
    public async Task A_phone_registers_and_stands_in_the_report_until_it_leaves()
    {
        await using var host = await EdgeHost.Start(trunks: [Phones(registrar: true)]);
        await using var phone = await Phone.Stream(host.Tls, tls: true, Somewhere);
        phone.User = "alice";
        var challenge = await Challenge(phone, "REGISTER");
        var registered = await Ask(phone, "REGISTER", 2, Answer(challenge, "REGISTER", uri: phone.Target));
        Assert.Equal((200, 1), (registered.Status, registered.Contacts.Count));
        Assert.Contains(";expires=3600", registered.Contact!.ToString(), StringComparison.Ordinal);
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "phones").Contacts == 1);
        await phone.Request("REGISTER", 3, headers: $"Authorization: {Answer(challenge, "REGISTER", uri: phone.Target, count: 2)}\r\nExpires: 0\r\n");
        Assert.Empty((await phone.Final()).Contacts);
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "phones").Contacts == 0);
    }

    [Fact]
    public async Task Where_no_trunk_registers_REGISTER_is_not_allowed()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request("REGISTER", 1);
        Assert.Equal(405, (await phone.Final()).Status);
    }

    [Fact]
    public async Task An_edge_registers_with_its_carrier_answers_the_challenge_takes_calls_there_and_leaves_at_the_end()
    {
        using var authority = new TestAuthority();
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, authority.Pem, TestContext.Current.CancellationToken);
        using var certificate = authority.Issue(uris: ["sip:carrier.example"]);
        await using var carrier = new PeerServer(certificate);
        Assert.True(SipUri.TryParse($"sip:127.0.0.1:{carrier.EndPoint.Port};transport=tls", out var proxy));
        var trunk = new EdgeTrunk
        {
            Name = "carrier",
            Tenant = "demo",
            Tls = new TrunkTls { Identities = ["carrier.example"], AuthorityFile = file },
            Outbound = new OutboundRoute { Proxy = proxy, FromDomain = "carrier.example", User = "ivr", Password = new Secret<char>("secret".ToCharArray()), Register = true },
            Ping = TimeSpan.FromHours(1),
        };
        await using var host = await EdgeHost.Start(trunks: [trunk], tlsPort: FreePort());
        await using var stream = await carrier.Accept();

        var register = await Next(stream, "REGISTER");
        await stream.Send(Bytes(register, 401, ("WWW-Authenticate", DigestChallenge.Write("carrier.example", "n", DigestAlgorithm.Sha256, stale: false))));
        var again = await Next(stream, "REGISTER");
        Assert.Equal(register.CSeq.Number + 1, again.CSeq.Number);
        Assert.True(DigestCredentials.Read(again.Headers.First("Authorization")!)!.Proves(DigestHash.Ha1(DigestAlgorithm.Sha256, "ivr", "carrier.example", "secret"), "REGISTER", default));
        await stream.Send(Bytes(again, 200, ("Contact", again.Headers.First("Contact")!)));
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "carrier") is { Registration: TrunkRegistration.Registered, RegisteredUntil: not null, Proxy: TrunkProxy.Up });

        // What comes back on the connection whose certificate was the carrier's is the carrier's.
        await stream.Send(Samples.Request("INVITE"));
        await EdgeHost.Until(() => host.Events.OfType<CallOffered>().Any(offered => offered.Trunk == "carrier"));
        var stopping = host.Stop();
        var leaving = await Next(stream, "REGISTER");
        Assert.Equal("0", leaving.Headers.First("Expires"));
        await stream.Send(Bytes(leaving, 200));
        await stopping;
        File.Delete(file);
    }

    [Fact]
    public async Task A_trunk_with_all_its_calls_is_busy_and_one_above_its_rate_is_told_when_to_come_again()
    {
        var few = new EdgeTrunk { Name = "few", Tenant = "demo", From = [IPNetwork.Parse("127.0.41.0/24")], Limit = new LimitRule { AtOnce = 1 } };
        var slow = new EdgeTrunk { Name = "slow", Tenant = "demo", From = [IPNetwork.Parse("127.0.42.0/24")], Limit = new LimitRule { Calls = new RateLimit(1, TimeSpan.FromHours(1), 1) } };
        await using var host = await EdgeHost.Start(trunks: [few, slow]);
        await using var first = Phone.Udp(host.Udp, "127.0.41.1");
        await using var second = Phone.Udp(host.Udp, "127.0.41.2");
        var answer = await Ask(first, "INVITE", 1);
        await first.Request("ACK", 1, answer.To.Tag);
        Assert.Equal((200, 486), (answer.Status, (await Ask(second, "INVITE", 1)).Status));
        await first.Request("BYE", 2, answer.To.Tag);
        Assert.Equal(200, (await first.Final()).Status);
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
        second.CallId += "again";
        Assert.Equal(200, (await Ask(second, "INVITE", 1)).Status);

        await using var third = Phone.Udp(host.Udp, "127.0.42.1");
        Assert.Equal(200, (await Ask(third, "INVITE", 1)).Status);
        third.CallId += "again";
        var refused = await Ask(third, "INVITE", 1);
        Assert.Equal((503, "3600"), (refused.Status, refused.Headers.First("Retry-After")));
        Assert.Equal(3, host.Events.OfType<CallOffered>().Count());
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task<string> Challenge(Phone phone, string method)
    {
        var response = await Ask(phone, method, 1);
        Assert.Equal(401, response.Status);
        if (method == "INVITE") await phone.Request("ACK", 1, response.To.Tag);
        return response.Headers.First("WWW-Authenticate")!;
    }

    private static async Task<SipResponse> Ask(Phone phone, string method, int sequence, string? authorization = null)
    {
        var invite = method == "INVITE";
        await phone.Request(method, sequence, body: invite ? "v=0\r\n" : "", type: invite ? "application/sdp" : null, headers: authorization is null ? "" : $"Authorization: {authorization}\r\n");
        return await phone.Final();
    }

    private static string Answer(string challenge, string method, string user = "alice", string password = "secret", string uri = "sip:bank@127.0.0.1", uint count = 1) =>
        DigestGuardTests.AnswerTo(challenge, method, uri, user, password, count);

    private static async Task<SipRequest> Next(PeerStream stream, string method)
    {
        while (true)
        {
            var frame = await stream.Next();
            Assert.NotNull(frame);
            if (SipParser.Parse(frame.Value.Bytes).Message is not SipRequest request) continue;
            if (request.Method == method) return request;
            if (request.Method == "OPTIONS") await stream.Send(Bytes(request, 200));
        }
    }

    private static byte[] Bytes(SipRequest request, int status, params (string Name, string Value)[] headers)
    {
        var response = SipResponses.For(request, status, "t");
        foreach (var (name, value) in headers) response.Headers.Add(name, value);
        return SipWriter.ToBytes(response);
    }
}
