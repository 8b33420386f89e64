using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 10: REGISTER, as client and as registrar.</summary>
public class RegisterClauseTests
{
    private static readonly EdgeTrunk s_phones = new()
    {
        Name = "phones",
        Tenant = "x",
        Digest = new TrunkDigest { Realm = "r", Accounts = new Dictionary<string, DigestAccount> { ["al ice"] = new("al ice", "r", "p", md5: false), ["alice"] = new("alice", "r", "p", md5: false) } },
        Registrar = new TrunkRegistrar { MostContacts = 5 },
    };

    private readonly Registrar _registrar = new(() => "tag");
    private long _now = TimeSpan.TicksPerHour;

    [Fact]
    [Clause("10.2", "Record-Route has no meaning in REGISTER and its responses")]
    [Clause("10.2", "Record-Route in a response to REGISTER makes no route set")]
    [Clause("10.2", "a REGISTER has Request-URI, To, From, Call-ID and CSeq")]
    [Clause("10.2", "the Request-URI has no user")]
    [Clause("10.2", "the address of record is a SIP or SIPS URI")]
    [Clause("10.2", "CSeq rises by one with each REGISTER of a Call-ID")]
    public void Each_register_names_domain_and_address_of_record_and_the_next_number_and_no_route()
    {
        var peer = new VirtualPeer();
        var client = new RegistrationClient(Exchange.Route(), "registration", "mine", () => 0.5);
        SipPeer[] hops = [peer.Hop, VirtualPeer.HopAt("192.0.2.10:5060")];
        var answered = 0;
        List<SipRequest> sent = [];
        Ask();
        sent.Add(peer.Take("REGISTER").Request);
        peer.Answer(sent[^1], 401, "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nRecord-Route: <sip:192.0.2.20;lr>\r\n");
        sent.Add(peer.Take("REGISTER").Request);
        peer.Answer(sent[^1], 200, "x", extra: "Record-Route: <sip:192.0.2.20;lr>\r\nExpires: 600\r\n");
        // The first hop is silent, and so is the second.
        Ask();
        peer.Advance(65);
        sent.Add(peer.Take("REGISTER").Request);
        sent.Add(peer.Sent.Last(sending => sending.To.EndPoint.ToString() == "192.0.2.10:5060").Request);
        Ask();
        sent.Add(peer.All[^1].Request);
        Assert.Equal([1u, 2u, 3u, 4u, 5u], sent.Select(request => request.CSeq.Number));
        Assert.Equal(2, answered);
        Assert.Equal(["registration"], sent.Select(request => request.CallId).Distinct());
        Assert.All(sent, request =>
        {
            Assert.Equal("REGISTER sip:carrier.example", $"{request.Method} {request.RequestUri}");
            Assert.Equal(("<sip:ivr@carrier.example>", "<sip:ivr@carrier.example>;tag=mine"), (request.To.ToString(), request.From.ToString()));
            Assert.False(request.Headers.Contains("Route") || request.Headers.Contains("Record-Route"));
        });

        void Ask()
        {
            client.Await(peer.Now);
            var request = client.Begin("<sip:ivr@192.0.2.1:5060>");
            peer.Do(() => peer.Agent.Request(peer.Now, request, hops, new AnyPassword(), (now, last, response) =>
            {
                answered++;
                client.Answered(now, last.CSeq.Number, response);
            }));
        }
    }

    [Fact]
    [Clause("10.2", "no new REGISTER is sent before the last one had its final response or timed out")]
    [Clause("10.2.2", "a Contact of * is used with Expires 0 only")]
    public void The_next_register_is_not_due_while_one_is_under_way_and_leaving_names_our_own_contact()
    {
        var client = new RegistrationClient(Exchange.Route(), "registration", "mine", () => 0.5);
        Assert.True(client.NextDeadline <= _now);
        client.Await(_now);
        var request = client.Begin("<sip:ivr@192.0.2.1:5060>");
        // Sixteen hops of 32 s each are below it.
        Assert.True(client.NextDeadline - _now > 16 * SipTimes.TransactionTimeout);
        var response = SipResponses.For(WithVia(request), 200, "x");
        client.Answered(_now, 1, response);
        Assert.InRange(client.NextDeadline - _now, 1, 3600 * TimeSpan.TicksPerSecond);
        Assert.Equal("<sip:ivr@192.0.2.1:5060>;expires=0", client.End(_now)!.Headers.First("Contact"));
    }

    [Theory]
    [InlineData("<sip:alice@a>", "")]
    [InlineData("*", "Expires: 5\r\n")]
    [InlineData("<tel:+1>", "")]
    [InlineData("<sip:alice@a>;expires=1", "")]
    [Clause("10.3", "a registrar gives no 6xx")]
    [Clause("10.3", "Record-Route in a REGISTER is ignored")]
    [Clause("10.3", "a response to REGISTER has no Record-Route")]
    public void Whatever_is_registered_the_answer_is_below_600_and_has_no_record_route(string contact, string extra)
    {
        foreach (var user in (string[])["alice", "bob"])
        {
            var answer = Register(contact, "Record-Route: <sip:192.0.2.20;lr>\r\n" + extra, to: user);
            Assert.InRange(answer.Status, 200, 599);
            Assert.False(answer.Headers.Contains("Record-Route"));
        }
    }

    [Fact]
    [Clause("10.3", "REGISTERs are processed in the order in which they come")]
    [Clause("10.3", "each REGISTER is processed on its own")]
    [Clause("10.3", "the response lists all bindings")]
    [Clause("10.3", "each of them has an expires parameter")]
    public void Each_register_adds_to_what_those_before_left_and_is_answered_with_all()
    {
        Register("<sip:alice@a>;expires=100", callId: "one");
        Register("<sip:alice@b>;expires=200", callId: "two");
        var answer = Register("<sip:alice@a>;expires=300", callId: "three");
        Assert.Equal(["<sip:alice@b>;expires=200", "<sip:alice@a>;expires=300"], answer.Contacts.Select(contact => contact.ToString()));
        Assert.Equal(["<sip:alice@b>;expires=200", "<sip:alice@a>;expires=300"], Register(null).Contacts.Select(contact => contact.ToString()));
    }

    [Fact]
    [Clause("10.3", "Require is processed as by any UAS")]
    public void A_register_that_requires_the_unknown_is_refused_and_registers_nothing()
    {
        var peer = new VirtualPeer();
        peer.Agent.Servers["REGISTER"] = _registrar;
        peer.Request("REGISTER", 1, extra: "Require: path\r\nExpires: 600\r\n");
        Assert.Equal("path", peer.Take("420").Response.Headers.First("Unsupported"));
        Assert.Empty(_registrar.Sweep(_now));
    }

    [Theory]
    [InlineData("sip:alice@r")]
    [InlineData("sip:%61lice@r;user=phone;x=y")]
    [InlineData("sips:alic%65@R:5061;transport=tcp")]
    [Clause("10.3", "the address of record is brought into its canonical form")]
    [Clause("10.3", "URI parameters are taken off it and escapes resolved")]
    public void However_it_is_written_the_address_of_record_is_the_same(string written)
    {
        Register("<sip:alice@a>", uri: "sip:alice@r", callId: "one");
        Assert.Equal(2, Register("<sip:alice@b>", uri: written, callId: "two").Contacts.Count);
        Assert.Equal(["sip:alice@b", "sip:alice@a"], _registrar.Find(_now, s_phones, "alice").Select(binding => binding.Contact.ToString()));
    }

    [Fact]
    [Clause("10.3", "of * with the same Call-ID a binding goes only if the CSeq is higher")]
    [Clause("10.3", "of * with another Call-ID a binding goes")]
    [Clause("10.3", "else the update is aborted and the request fails")]
    public void A_star_removes_what_others_registered_and_of_its_own_call_only_what_is_older()
    {
        Register("<sip:alice@a>", callId: "own", sequence: 5);
        Register("<sip:alice@b>", callId: "other", sequence: 50);
        Assert.Equal(500, Register("*", "Expires: 0\r\n", callId: "own", sequence: 5).Status);
        Assert.Equal(2, Register(null).Contacts.Count);
        Assert.Equal((200, 0), (Register("*", "Expires: 0\r\n", callId: "own", sequence: 6).Status, Register(null).Contacts.Count));
    }

    [Theory]
    [InlineData("<sip:alice@a>;expires=120", "Expires: 240\r\n", 120)]
    [InlineData("<sip:alice@a>", "Expires: 240\r\n", 240)]
    [InlineData("<sip:alice@a>", "", 3600)]
    [Clause("10.3", "an expires parameter is the requested expiration")]
    [Clause("10.3", "without it an Expires header is")]
    [Clause("10.3", "without either a configured default is")]
    public void The_parameter_goes_before_the_header_and_the_header_before_the_default(string contact, string extra, int seconds)
    {
        Assert.Equal($"<sip:alice@a>;expires={seconds}", Assert.Single(Register(contact, extra).Contacts).ToString());
        _now += (seconds - 1) * TimeSpan.TicksPerSecond;
        Assert.Single(_registrar.Find(_now, s_phones, "alice"));
        _now += TimeSpan.TicksPerSecond;
        Assert.Empty(_registrar.Find(_now, s_phones, "alice"));
    }

    [Fact]
    [Clause("10.3", "a 423 has Min-Expires")]
    [Clause("10.3", "a REGISTER is processed wholly or not at all")]
    [Clause("10.3", "changes are committed when all of them succeed and only then")]
    [Clause("10.3", "when one fails the request fails and none stays")]
    public void When_one_contact_cannot_be_had_none_is_changed()
    {
        Register("<sip:alice@a>;expires=600", callId: "own", sequence: 5);
        var brief = Register("<sip:alice@b>;expires=600, <sip:alice@c>;expires=30", callId: "x");
        Assert.Equal((423, "60"), (brief.Status, brief.Headers.First("Min-Expires")));
        Assert.Equal(500, Register("<sip:alice@b>;expires=600, <sip:alice@a>;expires=0", callId: "own", sequence: 4).Status);
        Assert.Equal(400, Register("<sip:alice@b>;expires=600, <tel:+1>", callId: "y").Status);
        Assert.Equal("sip:alice@a", Assert.Single(_registrar.Find(_now, s_phones, "alice")).Contact.ToString());
    }

    [Fact]
    [Clause("10.3", "with another Call-ID a binding is removed by zero and else updated")]
    [Clause("10.3", "with the same Call-ID and a higher CSeq a binding is updated or removed")]
    [Clause("10.3", "with the same Call-ID and no higher CSeq the update is aborted and the request fails")]
    public void A_binding_is_changed_by_another_call_and_by_its_own_in_order()
    {
        Register("<sip:alice@a>;expires=600", callId: "own", sequence: 5);
        Assert.Equal("<sip:alice@a>;expires=700", Register("<sip:alice@a>;expires=700", callId: "other", sequence: 1).Contact!.ToString());
        Assert.Equal(500, Register("<sip:alice@a>;expires=800", callId: "other", sequence: 1).Status);
        Assert.Equal("<sip:alice@a>;expires=800", Register("<sip:alice@a>;expires=800", callId: "other", sequence: 2).Contact!.ToString());
        Assert.Equal(500, Register("<sip:alice@a>;expires=0", callId: "other", sequence: 2).Status);
        Assert.Null(Register("<sip:alice@a>;expires=0", callId: "other", sequence: 3).Contact);
        Register("<sip:alice@a>;expires=600", callId: "own", sequence: 6);
        Assert.Null(Register("<sip:alice@a>;expires=0", callId: "third", sequence: 1).Contact);
    }

    private uint _sequence = 100;

    private SipResponse Register(string? contact, string extra = "", string to = "alice", string callId = "reg", uint? sequence = null, string? uri = null)
    {
        var text = $"REGISTER sip:r SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: <sip:{to}@r>;tag=1\r\nTo: <{uri ?? $"sip:{to}@r"}>\r\nCall-ID: {callId}\r\nCSeq: {sequence ?? ++_sequence} REGISTER\r\nMax-Forwards: 70\r\n"
            + "Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\r\n"
            + (contact is null ? "" : $"Contact: {contact}\r\n") + extra + "Content-Length: 0\r\n\r\n";
        var request = Assert.IsType<SipRequest>(SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message);
        return _registrar.Answer(_now, request, new SipPeer(SipTransport.Tls, IPEndPoint.Parse("203.0.113.7:5061"), 1, s_phones));
    }

    private static SipRequest WithVia(SipRequest request)
    {
        request.Headers.AddFirst("Via", "SIP/2.0/UDP h;branch=z9hG4bKx");
        return request;
    }
}
