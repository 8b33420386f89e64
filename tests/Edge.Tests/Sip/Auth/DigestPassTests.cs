using System.Net;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Auth;

/// <summary>Accounts for one INVITE, which a trunk finds by their names at the moment.</summary>
public sealed class DigestPassTests : IAuthenticationObserver
{
    private const string Realm = "ivr.example";
    private const string Uri = "sip:bank@ivr.example";

    private readonly Dictionary<string, DigestPass> _passes = new() { ["web-1"] = Pass("web-1", 1), ["web-2"] = Pass("web-2", 2) };
    private readonly List<AuthenticationResult> _results = [];
    private readonly EdgeTrunk _operators;
    private readonly DigestGuard _guard;
    private byte _random;
    private long _now = TimeSpan.TicksPerHour;

    public DigestPassTests()
    {
        _operators = new EdgeTrunk
        {
            Name = "operators",
            Tenant = "x",
            Digest = new TrunkDigest { Realm = Realm, Accounts = new Dictionary<string, DigestAccount>(), Passes = _passes.GetValueOrDefault },
        };
        _guard = new DigestGuard([DigestGuardTests.Digest("phones", md5: false, [], ("alice", "secret")), _operators], UnknownSources.Silent, new byte[32], bytes => bytes.Fill(++_random), this);
    }

    [Fact]
    public void A_pass_lets_one_call_in_and_no_second_one_however_it_is_proven()
    {
        var challenge = Challenge();
        Assert.Equal((GuardVerdict.Allow, _operators), Try(challenge, "web-1"));
        Assert.Equal(GuardVerdict.Refuse, Try(challenge, "web-1", count: 2).Verdict);
        Assert.Equal(AuthenticationResult.Failed, _results[^1]);
        Assert.Equal(GuardVerdict.Refuse, Try(Challenge(), "web-1").Verdict);
        // One of another silo, whose clock may be ahead, is good for 61 s here.
        _now += 61 * TimeSpan.TicksPerSecond;
        Assert.Equal(GuardVerdict.Refuse, Try(Challenge(), "web-1").Verdict);
        Assert.Equal(GuardVerdict.Allow, Try(Challenge(), "web-2").Verdict);
    }

    [Fact]
    public void A_wrong_password_uses_no_pass_up_and_says_nothing_about_it()
    {
        var challenge = Challenge();
        Assert.Equal(GuardVerdict.Refuse, Try(challenge, "web-1", "guess").Verdict);
        Assert.Equal(GuardVerdict.Refuse, Try(challenge, "web-3", "guess").Verdict);
        Assert.Equal(_results[^2], _results[^1]);
        Assert.Equal(GuardVerdict.Allow, Try(challenge, "web-1").Verdict);
    }

    [Fact]
    public void A_pass_that_is_over_is_no_account()
    {
        var challenge = Challenge();
        _passes.Remove("web-1");
        Assert.Equal((GuardVerdict.Refuse, null), Try(challenge, "web-1"));
        Assert.Equal(AuthenticationResult.Failed, _results[^1]);
    }

    [Theory]
    [InlineData("REGISTER")]
    [InlineData("OPTIONS")]
    [InlineData("MESSAGE")]
    public void A_pass_is_for_a_call_and_nothing_else(string method)
    {
        Assert.Equal(GuardVerdict.Refuse, Try(Challenge(), "web-1", method: method).Verdict);
        Assert.Equal(GuardVerdict.Allow, Try(Challenge(), "web-1").Verdict);
    }

    [Fact]
    public void Accounts_of_the_same_realm_go_on_beside_passes() => Assert.Equal("phones", Try(Challenge(), "alice", "secret").Trunk!.Name);

    void IAuthenticationObserver.Authenticated(IPAddress source, AuthenticationResult result) => _results.Add(result);

    private static DigestPass Pass(string user, ulong id) => new(new DigestAccount(user, Realm, user + "-password", md5: false), id);

    private string Challenge() => _guard.Decide(_now, DigestGuardTests.Request("INVITE"), Peer()).Response!.Headers.First("WWW-Authenticate")!;

    private (GuardVerdict Verdict, EdgeTrunk? Trunk) Try(string challenge, string user, string? password = null, string method = "INVITE", uint count = 1)
    {
        var decision = _guard.Decide(_now, DigestGuardTests.Request(method, DigestGuardTests.AnswerTo(challenge, method, Uri, user, password ?? user + "-password", count)), Peer());
        return (decision.Verdict, decision.Trunk);
    }

    private SipPeer Peer() => new(SipTransport.Wss, new IPEndPoint(IPAddress.Parse("203.0.113.5"), 50000), 1, _operators);
}
