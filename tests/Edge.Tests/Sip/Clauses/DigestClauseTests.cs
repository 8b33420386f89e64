using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using IvrActors.Grains.Interfaces;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 22, as RFC 8760 amends it: who proves what to whom.</summary>
public class DigestClauseTests : IAuthenticationObserver
{
    private static readonly EdgeTrunk s_phones = new()
    {
        Name = "phones",
        Tenant = "x",
        From = [IPNetwork.Parse("192.0.2.0/24")],
        Digest = new TrunkDigest { Realm = "ivr.example", Accounts = new Dictionary<string, DigestAccount> { ["alice"] = new("alice", "ivr.example", "secret", md5: true) }, Md5 = true, WithoutTls = true },
    };

    private static readonly EdgeTrunk s_carrier = new()
    {
        Name = "carrier",
        Tenant = "x",
        From = [IPNetwork.Parse("192.0.2.0/24")],
        Outbound = new OutboundRoute { Proxy = Exchange.Uri("sip:192.0.2.9"), FromDomain = "carrier.example", User = "ivr", Password = new Secret<char>("secret".ToCharArray()), Md5 = true },
    };

    private int _asked;

    void IAuthenticationObserver.Authenticated(IPAddress source, AuthenticationResult result) => _asked++;

    [Theory]
    [InlineData("Basic YWxpY2U6c2VjcmV0")]
    [InlineData("Basic realm=\"ivr.example\", username=\"alice\", response=\"secret\"")]
    [Clause("22", "Basic is neither accepted nor asked for")]
    [Clause("22.4", "Basic is neither accepted nor asked for")]
    public void Basic_lets_nobody_in_and_is_never_answered(string authorization)
    {
        var peer = Guarded();
        peer.Invite(extra: $"Authorization: {authorization}\r\n");
        var challenges = peer.Take("401").Response.Headers.All("WWW-Authenticate").ToList();
        Assert.NotEmpty(challenges);
        Assert.All(challenges, challenge => Assert.StartsWith("Digest ", challenge, StringComparison.Ordinal));
        var dialled = new VirtualPeer();
        dialled.Dial([VirtualPeer.HopAt("192.0.2.9:5060", trunk: s_carrier)], new TrunkCredentials(s_carrier, () => "c"));
        dialled.Answer(dialled.Take("INVITE").Request, 401, extra: "WWW-Authenticate: Basic realm=\"carrier.example\"\r\n");
        Assert.Equal((CallSignalKind.Refused, 401, 1), (dialled.Signals[^1].Kind, dialled.Signals[^1].Number, dialled.Count("INVITE")));
    }

    [Fact]
    [Clause("22.1", "credentials that were accepted in an INVITE are accepted in its ACK")]
    [Clause("22.1", "an ACK is not challenged")]
    [Clause("22.1", "a CANCEL is not challenged")]
    public void An_ack_and_a_cancel_are_taken_without_another_proof()
    {
        var peer = Guarded();
        peer.Invite(callId: "call", branch: "unproven");
        var authorization = $"Authorization: {Answer(peer.Take("401").Response, "INVITE", 1)}\r\n";
        peer.Invite(callId: "call", sequence: 2, branch: "proven", extra: authorization);
        var call = Assert.Single(peer.Signals).Call;
        peer.Do(() => call.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        var asked = _asked;
        peer.Request(call, "ACK", 2, extra: authorization);
        Assert.Equal(CallSignalKind.Confirmed, peer.Signals[^1].Kind);
        peer.Request(call, "ACK", 2);
        peer.Request("ACK", 7, callId: "none", toTag: "none");
        Assert.Equal(asked, _asked);
        peer.Invite(callId: "given-up", branch: "unproven2");
        peer.Invite(callId: "given-up", sequence: 2, branch: "cancelled", extra: $"Authorization: {Answer(peer.Sent[^1].Response, "INVITE", 1)}\r\n");
        peer.Sent.Clear();
        peer.Request("CANCEL", 2, callId: "given-up", branch: "cancelled");
        peer.Request("CANCEL", 9, callId: "nothing", branch: "nothing");
        Assert.Equal("200 487 481", peer.Names());
        Assert.DoesNotContain(peer.Sent, sending => sending.Message.Headers.Contains("WWW-Authenticate"));
    }

    [Fact]
    [Clause("22.1", "credentials that were just rejected are not tried again unless the nonce was stale")]
    [Clause("22.2", "a request that is sent again with credentials has the next CSeq")]
    [Clause("22.4", "uri is quoted")]
    [Clause("22.4", "who got qop sends qop")]
    public void A_password_is_tried_once_and_again_only_for_a_stale_nonce_each_time_with_the_next_number()
    {
        const string Challenge = "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n{0}\", algorithm=SHA-256, qop=\"auth\"{1}\r\n";
        var peer = new VirtualPeer();
        peer.Dial([VirtualPeer.HopAt("192.0.2.9:5060", trunk: s_carrier)], new TrunkCredentials(s_carrier, () => "c"));
        peer.Answer(peer.Take("INVITE").Request, 401, extra: string.Format(Challenge, 1, ""));
        var second = peer.Take("INVITE").Request;
        Assert.Matches("^Digest .*uri=\"sip:\\+4930123@192\\.0\\.2\\.9\", .*qop=auth, ", second.Headers.First("Authorization") + ", ");
        peer.Answer(second, 401, extra: string.Format(Challenge, 2, ", stale=true"));
        var third = peer.Take("INVITE").Request;
        Assert.Equal([2u, 3u], new[] { second, third }.Select(request => request.CSeq.Number));
        peer.Answer(third, 401, extra: string.Format(Challenge, 3, ""));
        Assert.Equal((CallSignalKind.Refused, 401, 3), (peer.Signals[^1].Kind, peer.Signals[^1].Number, peer.Count("INVITE")));
    }

    [Fact]
    [Clause("22.2", "a 401 has WWW-Authenticate")]
    [Clause("22.4", "a challenge has qop")]
    public void Every_401_of_ours_has_a_challenge_with_qop()
    {
        var peer = Guarded();
        foreach (var method in (string[])["INVITE", "REGISTER", "OPTIONS", "MESSAGE"])
        {
            peer.Request(method, 1, callId: method);
            var challenges = peer.Take("401").Response.Headers.All("WWW-Authenticate").ToList();
            Assert.Equal(2, challenges.Count);
            Assert.All(challenges, challenge => Assert.EndsWith("qop=\"auth\"", challenge, StringComparison.Ordinal));
        }
    }

    [Fact]
    [Clause("22.3", "credentials are not kept for other dialogs, but for those of a configured proxy")]
    public void A_new_call_carries_no_password_before_it_is_asked_for_one()
    {
        var peer = new VirtualPeer();
        var credentials = new TrunkCredentials(s_carrier, () => "c");
        for (var i = 0; i < 2; i++)
        {
            peer.Dial([VirtualPeer.HopAt("192.0.2.9:5060", trunk: s_carrier)], credentials);
            var first = peer.Take("INVITE").Request;
            Assert.False(first.Headers.Contains("Authorization") || first.Headers.Contains("Proxy-Authorization"));
            peer.Answer(first, 407, extra: "Proxy-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"\r\n");
            Assert.True(peer.Take("INVITE").Request.Headers.Contains("Proxy-Authorization"));
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData(", qop=\"auth\"", true)]
    [Clause("22.4", "without qop in the challenge no cnonce is sent")]
    public void A_client_nonce_goes_only_to_who_knows_qop(string qop, bool sent)
    {
        var peer = new VirtualPeer();
        peer.Dial([VirtualPeer.HopAt("192.0.2.9:5060", trunk: s_carrier)], new TrunkCredentials(s_carrier, () => "c"));
        peer.Answer(peer.Take("INVITE").Request, 401, extra: $"WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\"{qop}\r\n");
        var answer = peer.Take("INVITE").Request.Headers.First("Authorization")!;
        Assert.Equal(sent, answer.Contains("cnonce=", StringComparison.Ordinal));
        Assert.Equal(sent, answer.Contains("qop=", StringComparison.Ordinal));
    }

    private VirtualPeer Guarded()
    {
        var random = 0;
        var peer = new VirtualPeer { Hop = VirtualPeer.HopAt("192.0.2.9:5060", trunk: s_phones) };
        peer.Agent.Guard = new DigestGuard([s_phones], UnknownSources.Silent, new byte[32], bytes => bytes.Fill((byte)++random), this);
        return peer;
    }

    private static string Answer(SipResponse challenged, string method, uint count)
    {
        var read = DigestChallenge.Read(challenged.Headers.First("WWW-Authenticate")!)!;
        DigestCredentials With(string response) => new()
        {
            User = "alice",
            Realm = read.Realm,
            Nonce = read.Nonce,
            Uri = "sip:ivr@192.0.2.1",
            Response = response,
            Algorithm = read.Algorithm,
            Qop = DigestQop.Auth,
            ClientNonce = "c",
            Count = count,
        };
        var offer = Encoding.ASCII.GetBytes(VirtualPeer.Offer);
        return With(Encoding.ASCII.GetString(DigestHash.Response(With(""), DigestHash.Ha1(read.Algorithm, "alice", read.Realm, "secret"), method, offer))).ToString();
    }
}
