using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Auth;

[Collection(nameof(FuzzTests.Alone))]
public class DigestGuardTests : IAuthenticationObserver
{
    private const string Realm = "ivr.example";

    private static readonly EdgeTrunk s_phones = Digest("phones", md5: false, [], ("alice", "secret"), ("bob", "other"));
    private static readonly EdgeTrunk s_old = Digest("old", md5: true, ["198.51.100.0/24"], ("pbx", "1234"));
    private static readonly EdgeTrunk s_carrier = new() { Name = "carrier", Tenant = "x", From = [IPNetwork.Parse("192.0.2.0/24")] };
    private static readonly EdgeTrunk s_out = new() { Name = "out", Tenant = "x" };

    private readonly List<AuthenticationResult> _results = [];
    private readonly DigestGuard _guard;
    private byte _random;
    private long _now = TimeSpan.TicksPerHour;

    public DigestGuardTests() => _guard = Guard(UnknownSources.Silent);

    [Fact]
    public void A_trunk_known_by_its_address_passes_straight()
    {
        var decision = _guard.Decide(_now, Request("INVITE"), Peer("192.0.2.1", s_carrier));
        Assert.Equal((GuardVerdict.Allow, s_carrier), (decision.Verdict, decision.Trunk));
        Assert.Empty(_results);
    }

    [Theory]
    [InlineData("INVITE")]
    [InlineData("REGISTER")]
    [InlineData("OPTIONS")]
    [InlineData("MESSAGE")]
    [Clause("26.3.1", "a registrar and a UA speak digest")]
    public void A_digest_trunk_is_challenged_with_sha_256_and_let_in_with_the_right_answer(string method)
    {
        var response = Challenge(Request(method));
        var challenge = Assert.Single(response.Headers.All("WWW-Authenticate"));
        Assert.Matches("^Digest realm=\"ivr.example\", nonce=\"[^\"]+\", algorithm=SHA-256, qop=\"auth\"$", challenge);
        Assert.NotNull(response.To.Tag);
        var decision = _guard.Decide(_now, Answer(method, challenge, "alice", "secret"), Peer());
        Assert.Equal((GuardVerdict.Allow, s_phones), (decision.Verdict, decision.Trunk));
        Assert.Equal([AuthenticationResult.Challenged, AuthenticationResult.Accepted], _results);
    }

    [Fact]
    [Clause("7.3.1", "Authorization, Proxy-Authorization, WWW-Authenticate and Proxy-Authenticate are not combined into one row")]
    [Clause("20.7", "Authorization rows are not combined")]
    [Clause("20.28", "Proxy-Authorization rows are not combined")]
    public void A_trunk_that_asks_for_md5_is_offered_it_second_and_others_cannot_use_it()
    {
        var peer = Peer("198.51.100.1", s_old);
        var challenges = Challenge(Request("INVITE"), peer).Headers.All("WWW-Authenticate").ToList();
        Assert.Equal([DigestAlgorithm.Sha256, DigestAlgorithm.Md5], challenges.Select(c => DigestChallenge.Read(c)!.Algorithm));
        Assert.Equal(s_old, _guard.Decide(_now, Answer("INVITE", challenges[1], "pbx", "1234"), peer).Trunk);
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Answer("INVITE", challenges[1], "alice", "secret"), peer).Verdict);
        Assert.Equal(s_phones, _guard.Decide(_now, Answer("INVITE", challenges[0], "alice", "secret", count: 2), peer).Trunk);
    }

    [Fact]
    public void A_trunk_whose_phones_know_only_md5_is_offered_nothing_else()
    {
        var only = new EdgeTrunk
        {
            Name = "only",
            Tenant = "x",
            Digest = new TrunkDigest { Realm = "old.example", Accounts = new Dictionary<string, DigestAccount> { ["alice"] = new("alice", "old.example", "secret", md5: true) }, Md5 = true, OnlyMd5 = true },
        };
        var guard = new DigestGuard([only], UnknownSources.Silent, new byte[32], bytes => bytes.Fill(++_random), this);
        var challenge = Assert.Single(guard.Decide(_now, Request("INVITE"), Peer(entry: only)).Response!.Headers.All("WWW-Authenticate"));
        Assert.Equal(DigestAlgorithm.Md5, DigestChallenge.Read(challenge)!.Algorithm);
        Assert.Equal(only, guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret"), Peer(entry: only)).Trunk);
    }

    [Theory]
    [InlineData("alice", "wrong", "SHA-256")]
    [InlineData("nobody", "secret", "SHA-256")]
    [InlineData("", "", "SHA-256")]
    [InlineData("alice", "secret", "MD5")]
    public void A_wrong_password_an_unknown_user_and_a_weak_algorithm_get_the_same_answer(string user, string password, string algorithm)
    {
        var challenge = Challenge(Request("INVITE")).Headers.First("WWW-Authenticate")!.Replace("SHA-256", algorithm, StringComparison.Ordinal);
        var first = Masked(Challenge(Request("INVITE")));
        var decision = _guard.Decide(_now, Answer("INVITE", challenge, user.Length == 0 ? "x" : user, password), Peer());
        Assert.Equal(GuardVerdict.Refuse, decision.Verdict);
        Assert.Equal(first, Masked(decision.Response!));
        Assert.Equal(AuthenticationResult.Failed, _results[^1]);
    }

    [Fact]
    public void An_answer_is_good_once_and_the_next_needs_a_higher_count()
    {
        var challenge = NewChallenge();
        var answer = Answer("INVITE", challenge, "alice", "secret");
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, answer, Peer()).Verdict);
        var again = _guard.Decide(_now, answer, Peer());
        Assert.Equal((GuardVerdict.Refuse, AuthenticationResult.Replayed), (again.Verdict, _results[^1]));
        Assert.EndsWith("stale=true", again.Response!.Headers.First("WWW-Authenticate"), StringComparison.Ordinal);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret", count: 3), Peer()).Verdict);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret", count: 2), Peer()).Verdict);
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret", count: 2), Peer()).Verdict);
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret", count: 0), Peer()).Verdict);
    }

    [Fact]
    public void An_old_nonce_is_stale_for_who_knows_the_password_and_a_plain_failure_for_others()
    {
        var challenge = NewChallenge();
        _now += 61 * TimeSpan.TicksPerSecond;
        var stale = _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret"), Peer()).Response!.Headers.First("WWW-Authenticate")!;
        Assert.EndsWith("stale=true", stale, StringComparison.Ordinal);
        Assert.Equal(AuthenticationResult.Stale, _results[^1]);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, Answer("INVITE", stale, "alice", "secret"), Peer()).Verdict);
        var failed = _guard.Decide(_now, Answer("INVITE", challenge, "alice", "wrong"), Peer()).Response!.Headers.First("WWW-Authenticate")!;
        Assert.DoesNotContain("stale", failed, StringComparison.Ordinal);
        Assert.Equal(AuthenticationResult.Failed, _results[^1]);
    }

    [Fact]
    public void An_answer_that_was_heard_elsewhere_is_worth_nothing_from_another_address()
    {
        var answer = Answer("INVITE", NewChallenge(), "alice", "secret");
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, answer, Peer("203.0.113.99")).Verdict);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, answer, Peer()).Verdict);
        Assert.Equal(GuardVerdict.Refuse, Guard(UnknownSources.Silent, key: 2).Decide(_now, answer, Peer()).Verdict);
    }

    [Fact]
    public void A_source_of_ipv6_is_its_network()
    {
        var challenge = Challenge(Request("INVITE"), Peer("2001:db8:1:2::3")).Headers.First("WWW-Authenticate")!;
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret"), Peer("2001:db8:1:3::3")).Verdict);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, Answer("INVITE", challenge, "alice", "secret"), Peer("2001:db8:1:2::4")).Verdict);
    }

    [Fact]
    public void An_answer_for_another_request_is_refused()
    {
        var challenge = NewChallenge();
        var stolen = Answer("INVITE", challenge, "alice", "secret").Headers.First("Authorization")!;
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Request("REGISTER", stolen), Peer()).Verdict);
        Assert.Equal(GuardVerdict.Refuse, _guard.Decide(_now, Request("INVITE", stolen, "sip:premium@ivr.example"), Peer()).Verdict);
        Assert.Equal(GuardVerdict.Allow, _guard.Decide(_now, Request("INVITE", stolen, "sip:bank@IVR.example;transport=tls"), Peer()).Verdict);
    }

    [Theory]
    [InlineData("Digest username=\"alice\", realm=\"elsewhere\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"", AuthenticationResult.Challenged)]
    [InlineData("Digest username=\"alice\", realm=\"ivr.example\", nonce=\"made-up\", uri=\"sip:x\", response=\"0\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\"", AuthenticationResult.Forged)]
    [InlineData("Digest username=\"alice", AuthenticationResult.Malformed)]
    [InlineData("Basic dTpw", AuthenticationResult.Malformed)]
    public void Credentials_of_an_unknown_realm_a_made_up_nonce_or_no_form_get_a_challenge(string authorization, AuthenticationResult result)
    {
        var decision = _guard.Decide(_now, Request("REGISTER", authorization), Peer());
        Assert.Equal((GuardVerdict.Refuse, 401, result), (decision.Verdict, decision.Response!.Status, _results[^1]));
    }

    [Fact]
    public void Over_udp_a_digest_trunk_that_does_not_say_otherwise_is_not_there()
    {
        Assert.Equal(GuardVerdict.Drop, _guard.Decide(_now, Request("INVITE"), Peer(transport: SipTransport.Udp)).Verdict);
        var forbidden = Guard(UnknownSources.Forbidden).Decide(_now, Request("INVITE"), Peer(transport: SipTransport.Udp));
        Assert.Equal((GuardVerdict.Refuse, 403), (forbidden.Verdict, forbidden.Response!.Status));
    }

    [Fact]
    public void What_comes_from_a_proxy_of_ours_that_is_no_proof_is_dropped_unless_it_is_another_trunk_as_well()
    {
        Assert.Equal(GuardVerdict.Drop, _guard.Decide(_now, Request("INVITE"), Peer("203.0.113.1", s_out, SipTransport.Udp)).Verdict);
        Assert.Equal(s_carrier, _guard.Decide(_now, Request("INVITE"), Peer("192.0.2.1", s_out, SipTransport.Udp)).Trunk);
    }

    [Fact]
    public void A_flood_of_REGISTER_for_ninety_seconds_leaves_no_transaction_and_no_memory_behind()
    {
        var agent = new UserAgent(new SipAddress(IPAddress.Loopback) { TlsPort = 5061 }, () => "t" + ++_random, () => 0.5, 1000) { Guard = _guard };
        agent.Servers["REGISTER"] = new IvrActors.Edge.Sip.Registration.Registrar(() => "t");
        Flood(1000); // What is made once is made now.
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Flood(90_000);
        Assert.Equal(0, agent.Transactions);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 * 1024 * 1024); // The answers alone had 40 MB.

        void Flood(int requests)
        {
            for (var i = 0; i < requests; i++)
            {
                _now += TimeSpan.TicksPerMillisecond;
                agent.Receive(_now, Request("REGISTER", i % 2 == 0 ? null : "Digest username=\"alice\", realm=\"ivr.example\", nonce=\"x\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\""), Peer());
                Assert.Single(agent.Outputs.Sends);
                agent.Outputs.Sends.Clear();
                agent.Tick(_now);
            }
            _results.Clear();
        }
    }

    [Fact]
    public void A_full_table_of_nonces_lets_nobody_in_and_empties_itself()
    {
        var counts = new NonceCounts(NonceMint.Lifetime);
        for (var i = 0; i < NonceCounts.Most; i++) Assert.True(counts.TryUse(_now, (UInt128)i + 1, 1));
        Assert.False(counts.TryUse(_now, UInt128.MaxValue, 1));
        Assert.True(counts.TryUse(_now + NonceMint.Lifetime + 1, UInt128.MaxValue, 1));
        Assert.Equal(1, counts.Count);
    }

    [Fact]
    public void Counts_come_out_of_order_within_a_window_and_none_twice()
    {
        var counts = new NonceCounts(NonceMint.Lifetime);
        Assert.True(counts.TryUse(_now, 1, 100));
        Assert.True(counts.TryUse(_now, 1, 37));
        Assert.False(counts.TryUse(_now, 1, 36));
        Assert.False(counts.TryUse(_now, 1, 37));
        Assert.True(counts.TryUse(_now, 1, uint.MaxValue));
        Assert.False(counts.TryUse(_now, 1, 100));
    }

    void IAuthenticationObserver.Authenticated(IPAddress source, AuthenticationResult result) => _results.Add(result);

    internal static EdgeTrunk Digest(string name, bool md5, string[] from, params (string User, string Password)[] accounts) => new()
    {
        Name = name,
        Tenant = "x",
        From = [.. from.Select(network => IPNetwork.Parse(network))],
        Digest = new TrunkDigest { Realm = Realm, Md5 = md5, Accounts = accounts.ToDictionary(a => a.User, a => new DigestAccount(a.User, Realm, a.Password, md5)) },
    };

    /// <summary>A client's answer, by the client's own code.</summary>
    internal static string AnswerTo(string challenge, string method, string uri, string user, string password, uint count = 1)
    {
        var read = DigestChallenge.Read(challenge)!;
        DigestCredentials With(string response) => new()
        {
            User = user,
            Realm = read.Realm,
            Nonce = read.Nonce,
            Uri = uri,
            Response = response,
            Algorithm = read.Algorithm,
            Qop = DigestQop.Auth,
            ClientNonce = "c",
            Count = count,
        };
        return With(Encoding.ASCII.GetString(DigestHash.Response(With(""), DigestHash.Ha1(read.Algorithm, user, read.Realm, password), method, default))).ToString();
    }

    private DigestGuard Guard(UnknownSources unknown, byte key = 1) =>
        new([s_phones, s_old, s_carrier, s_out], unknown, [.. Enumerable.Repeat(key, 32)], bytes => bytes.Fill(++_random), this);

    private SipResponse Challenge(SipRequest request, SipPeer? peer = null)
    {
        var decision = _guard.Decide(_now, request, peer ?? Peer());
        Assert.Equal((GuardVerdict.Refuse, 401), (decision.Verdict, decision.Response!.Status));
        return decision.Response;
    }

    private string NewChallenge() => Challenge(Request("INVITE")).Headers.First("WWW-Authenticate")!;

    private static SipRequest Answer(string method, string challenge, string user, string password, uint count = 1) =>
        Request(method, AnswerTo(challenge, method, "sip:bank@ivr.example", user, password, count));

    internal static SipRequest Request(string method, string? authorization = null, string uri = "sip:bank@ivr.example") => (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(
        $"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:bank@h>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
        + $"Contact: <sip:a@h>\r\n{(authorization is null ? "" : $"Authorization: {authorization}\r\n")}Content-Length: 0\r\n\r\n")).Message!;

    private static SipPeer Peer(string address = "203.0.113.7", EdgeTrunk? entry = null, SipTransport transport = SipTransport.Tls) =>
        new(transport, new IPEndPoint(IPAddress.Parse(address), 5061), 1, entry ?? s_phones);

    /// <summary>All but what is random.</summary>
    private static string Masked(SipResponse response) =>
        System.Text.RegularExpressions.Regex.Replace(Encoding.ASCII.GetString(SipWriter.ToBytes(response)), "nonce=\"[^\"]*\"", "*");
}
