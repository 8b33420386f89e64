using System.Net;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Grains.Interfaces;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Auth;

public class TrunkCredentialsTests
{
    private const string Sha256 = "Digest realm=\"carrier.example\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"";
    private const string Md5 = "Digest realm=\"carrier.example\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"";

    [Theory]
    [InlineData(401, "WWW-Authenticate", "Authorization")]
    [InlineData(407, "Proxy-Authenticate", "Proxy-Authorization")]
    [Clause("26.3.1", "a registrar and a UA speak digest")]
    public void The_strongest_challenge_is_answered_and_the_nonce_counted(int status, string challenge, string answer)
    {
        var trunk = Trunk();
        var credentials = new TrunkCredentials(trunk, () => "cnonce");
        for (uint count = 1; count < 4; count++)
        {
            Assert.True(credentials.TryAnswer(Request(), Response(status, challenge, Md5, Sha256), Peer(trunk), out var header));
            Assert.Equal(answer, header.Key);
            var read = DigestCredentials.Read(header.Value)!;
            Assert.Equal((DigestAlgorithm.Sha256, "ivr", "sip:+49301@carrier.example", count, "cnonce"), (read.Algorithm, read.User, read.Uri, read.Count, read.ClientNonce));
            Assert.Contains("opaque=\"o\"", header.Value, StringComparison.Ordinal);
            Assert.True(read.Proves(DigestHash.Ha1(DigestAlgorithm.Sha256, "ivr", "carrier.example", "secret"), "INVITE", default));
        }
    }

    [Fact]
    public void A_challenge_of_another_trunk_or_over_clear_signalling_is_never_answered()
    {
        var trunk = Trunk();
        var credentials = new TrunkCredentials(trunk, () => "c");
        Assert.False(credentials.TryAnswer(Request(), Response(401, "WWW-Authenticate", Sha256), Peer(Trunk()), out _));
        Assert.False(credentials.TryAnswer(Request(), Response(401, "WWW-Authenticate", Sha256), Peer(trunk, SipTransport.Udp), out _));
        Assert.True(credentials.TryAnswer(Request(), Response(401, "WWW-Authenticate", Sha256), Peer(trunk), out _));
    }

    [Fact]
    public void Only_the_realm_of_the_trunk_is_answered_or_else_the_first_one()
    {
        const string Other = "Digest realm=\"evil.example\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
        var named = Credentials(Trunk(realm: "carrier.example"));
        Assert.False(Answers(named, Other));
        Assert.True(Answers(named, Other, Sha256));
        var unnamed = Credentials(Trunk());
        Assert.True(Answers(unnamed, Sha256));
        Assert.False(Answers(unnamed, Other));
    }

    [Fact]
    public void Md5_and_challenges_without_qop_are_answered_only_where_the_trunk_allows_md5()
    {
        const string Old = "Digest realm=\"carrier.example\", nonce=\"n1\"";
        Assert.False(Answers(Credentials(Trunk()), Md5));
        Assert.False(Answers(Credentials(Trunk()), Old));
        Assert.True(Answers(Credentials(Trunk(md5: true)), Md5));
        var trunk = Trunk(md5: true);
        Assert.True(new TrunkCredentials(trunk, () => "c").TryAnswer(Request(), Response(401, "WWW-Authenticate", Old), Peer(trunk), out var header));
        Assert.DoesNotContain("nc=", header.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_password_is_not_sent_again_unless_the_nonce_was_stale()
    {
        var trunk = Trunk();
        var credentials = new TrunkCredentials(trunk, () => "c");
        var request = Request();
        Assert.True(credentials.TryAnswer(request, Response(401, "WWW-Authenticate", Sha256), Peer(trunk), out var header));
        request.Headers.Add(header.Key, header.Value);
        Assert.False(credentials.TryAnswer(request, Response(401, "WWW-Authenticate", Sha256), Peer(trunk), out _));
        Assert.True(credentials.TryAnswer(request, Response(401, "WWW-Authenticate", Sha256 + ", stale=true"), Peer(trunk), out _));
    }

    private static EdgeTrunk Trunk(string? realm = null, bool md5 = false)
    {
        Assert.True(SipUri.TryParse("sips:carrier.example", out var proxy));
        return new EdgeTrunk
        {
            Name = "carrier",
            Tenant = "x",
            Outbound = new OutboundRoute { Proxy = proxy, FromDomain = "carrier.example", User = "ivr", Password = new Secret<char>("secret".ToCharArray()), Realm = realm, Md5 = md5 },
        };
    }

    private static bool Answers((TrunkCredentials Credentials, EdgeTrunk Trunk) of, params string[] challenges) =>
        of.Credentials.TryAnswer(Request(), Response(401, "WWW-Authenticate", challenges), Peer(of.Trunk), out _);

    private static (TrunkCredentials, EdgeTrunk) Credentials(EdgeTrunk trunk) => (new TrunkCredentials(trunk, () => "c"), trunk);

    private static SipRequest Request()
    {
        Assert.True(SipUri.TryParse("sip:+49301@carrier.example", out var uri));
        return new SipRequest("INVITE", uri);
    }

    private static SipResponse Response(int status, string name, params string[] challenges)
    {
        var response = new SipResponse(status, "");
        foreach (var challenge in challenges) response.Headers.Add(name, challenge);
        return response;
    }

    private static SipPeer Peer(EdgeTrunk trunk, SipTransport transport = SipTransport.Tls) => new(transport, IPEndPoint.Parse("192.0.2.1:5061"), 1, trunk);
}
