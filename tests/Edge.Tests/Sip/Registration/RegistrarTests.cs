using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Registration;

/// <summary>RFC 3261 10.3. The guard let every request in: credentials are looked at for their user only.</summary>
[Collection(nameof(FuzzTests.Alone))]
public class RegistrarTests
{
    private static readonly EdgeTrunk s_phones = Phones(new TrunkRegistrar());
    private static readonly EdgeTrunk s_pbx = new() { Name = "pbx", Tenant = "x", Tls = new TrunkTls { Identities = ["pbx.example"] }, Registrar = new TrunkRegistrar { Users = ["agent"] } };

    private Registrar _registrar = new(() => "tag");
    private long _now = TimeSpan.TicksPerHour;
    private uint _sequence;

    [Fact]
    [Clause("10.1", "a registrar reads and writes the location service")]
    public void A_phone_registers_is_found_refreshes_and_expires()
    {
        var answer = Register("<sip:alice@192.0.2.7:5062>;expires=600");
        Assert.Equal((200, "<sip:alice@192.0.2.7:5062>;expires=600", "tag"), (answer.Status, answer.Contact!.ToString(), answer.To.Tag));
        var binding = Assert.Single(_registrar.Find(_now, s_phones, "alice"));
        Assert.Equal("203.0.113.7:5061", binding.Peer.EndPoint.ToString());
        Pass(500);
        Assert.Equal("<sip:alice@192.0.2.7:5062>;expires=600", Register("<sip:alice@192.0.2.7:5062>;expires=600").Contact!.ToString());
        Pass(599);
        Assert.Equal("<sip:alice@192.0.2.7:5062>;expires=1", Register().Contact!.ToString());
        Pass(1);
        Assert.Empty(_registrar.Find(_now, s_phones, "alice"));
        Assert.Null(Register().Contact);
    }

    [Theory]
    [InlineData("<sip:alice@h>;expires=7200", "", 3600)]
    [InlineData("<sip:alice@h>", "", 3600)]
    [InlineData("<sip:alice@h>", "Expires: 120\r\n", 120)]
    [InlineData("<sip:alice@h>;expires=90", "Expires: 120\r\n", 90)]
    [InlineData("<sip:alice@h>", "Expires: 4294967295\r\n", 3600)]
    public void What_is_granted_is_what_was_asked_for_up_to_the_most(string contact, string extra, int granted)
    {
        Assert.Equal($"<sip:alice@h>;expires={granted}", Register(contact, extra).Contact!.ToString());
    }

    [Fact]
    public void What_is_too_brief_gets_423_and_changes_nothing()
    {
        var answer = Register("<sip:alice@a>;expires=600, <sip:alice@b>;expires=30");
        Assert.Equal((423, "60"), (answer.Status, answer.Headers.First("Min-Expires")));
        Assert.Empty(_registrar.Find(_now, s_phones, "alice"));
    }

    [Fact]
    [Clause("10.3", "of * with another contact or another expiration the request gets 400")]
    public void One_contact_is_removed_by_zero_and_all_by_a_star()
    {
        Register("<sip:alice@a>, <sip:alice@b>");
        Assert.Equal("<sip:alice@b>;expires=3600", Assert.Single(Register("<sip:alice@a>;expires=0").Contacts).ToString());
        Assert.Equal(400, Register("*").Status);
        Assert.Equal(400, Register("*", "Expires: 60\r\n").Status);
        Assert.Equal(400, Register("*", "Expires: 0\r\nContact: <sip:alice@c>\r\n").Status);
        Assert.Single(_registrar.Find(_now, s_phones, "alice"));
        Assert.Empty(Register("*", "Expires: 0\r\n").Contacts);
        Assert.Empty(_registrar.Find(_now, s_phones, "alice"));
    }

    [Fact]
    public void A_request_that_comes_late_changes_nothing()
    {
        _sequence = 10;
        Register("<sip:alice@a>;expires=600");
        _sequence = 5;
        Assert.Equal(500, Register("<sip:alice@a>;expires=0").Status);
        _sequence = 5;
        Assert.Equal(500, Register("*", "Expires: 0\r\n").Status);
        _sequence = 5;
        Assert.Equal(500, Register("<sip:alice@b>;expires=600, <sip:alice@a>;expires=600").Status);
        Assert.Equal("sip:alice@a", Assert.Single(_registrar.Find(_now, s_phones, "alice")).Contact.ToString());
        _sequence = 0;
        Assert.Equal(200, Register("<sip:alice@a>;expires=0", callId: "after-restart").Status);
        Assert.Empty(_registrar.Find(_now, s_phones, "alice"));
    }

    [Fact]
    public void The_oldest_contact_gives_way_and_more_than_the_most_at_once_are_refused()
    {
        foreach (var host in new[] { "a", "b", "c" }) Assert.Equal(200, Register($"<sip:alice@{host}>").Status);
        Assert.Equal(["sip:alice@c", "sip:alice@b"], _registrar.Find(_now, s_phones, "alice").Select(b => b.Contact.ToString()));
        Assert.Equal(403, Register("<sip:alice@a>, <sip:alice@b>, <sip:alice@c>").Status);
    }

    [Fact]
    [Clause("10.3", "a user who may not change bindings gets 403")]
    public void Nobody_registers_for_another_user()
    {
        Assert.Equal(403, Register("<sip:alice@a>", user: "alice", to: "bob").Status);
        Assert.Equal(403, Register("<sip:alice@a>", user: null).Status);
        Assert.Equal(200, Answer(s_pbx, "agent", "<sip:agent@a>").Status);
        Assert.Equal(403, Answer(s_pbx, "boss", "<sip:boss@a>").Status);
        Assert.Equal(403, Answer(new EdgeTrunk { Name = "n", Tenant = "x", From = [IPNetwork.Parse("0.0.0.0/0")] }, "agent", "<sip:agent@a>").Status);
        Assert.Equal(1, Assert.Single(_registrar.Sweep(_now)).Value);
    }

    [Theory]
    [InlineData("<tel:+4930123>")]
    [InlineData("<mailto:a@b>")]
    [InlineData("<sip:alice@h?Subject=x>")]
    public void A_contact_that_cannot_be_called_is_refused(string contact) => Assert.Equal(400, Register(contact).Status);

    [Fact]
    public void A_long_contact_is_refused() => Assert.Equal(400, Register($"<sip:{new string('a', 300)}@h>").Status);

    [Fact]
    public void A_flood_of_ninety_seconds_with_a_right_password_takes_no_more_memory_than_two_contacts()
    {
        Register("<sip:alice@first>");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 90 * 1000; i++)
        {
            _now += TimeSpan.TicksPerMillisecond;
            Register($"<sip:alice@h{i}>", callId: "c" + i);
        }
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 * 1024 * 1024); // The requests of the flood have 90 MB.
        Assert.Equal(2, Assert.Single(_registrar.Sweep(_now)).Value);
    }

    [Fact]
    public void Users_are_bounded_and_room_comes_back_when_bindings_expire()
    {
        var trunk = new EdgeTrunk { Name = "many", Tenant = "x", Tls = s_pbx.Tls, Registrar = new TrunkRegistrar { Users = [.. Enumerable.Range(0, 11).Select(i => "u" + i)] } };
        _registrar = new Registrar(() => "tag", mostUsers: 10);
        for (var i = 0; i < 10; i++) Assert.Equal(200, Answer(trunk, "u" + i, $"<sip:u{i}@h>;expires=60").Status);
        Assert.Equal(503, Answer(trunk, "u10", "<sip:u10@h>;expires=60").Status);
        Pass(61);
        Assert.Equal(200, Answer(trunk, "u10", "<sip:u10@h>;expires=60").Status);
        Assert.Equal(1, _registrar.Sweep(_now)[trunk]);
    }

    private static EdgeTrunk Phones(TrunkRegistrar registrar) => new()
    {
        Name = "phones",
        Tenant = "x",
        Digest = new TrunkDigest { Realm = "r", Accounts = new Dictionary<string, DigestAccount> { ["alice"] = new("alice", "r", "p", md5: false) } },
        Registrar = registrar,
    };

    private void Pass(int seconds) => _now += seconds * TimeSpan.TicksPerSecond;

    private SipResponse Register(string? contact = null, string extra = "", string? user = "alice", string to = "alice", string callId = "reg") =>
        Answer(s_phones, to, contact, (user is null ? "" : $"Authorization: Digest username=\"{user}\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\r\n") + extra, callId);

    private SipResponse Answer(EdgeTrunk trunk, string to, string? contact, string extra = "", string callId = "reg")
    {
        var text = $"REGISTER sip:r SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: <sip:{to}@r>;tag=1\r\nTo: <sip:{to}@r>\r\nCall-ID: {callId}\r\nCSeq: {++_sequence} REGISTER\r\nMax-Forwards: 70\r\n"
            + (contact is null ? "" : $"Contact: {contact}\r\n") + extra + "Content-Length: 0\r\n\r\n";
        var request = Assert.IsType<SipRequest>(SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message);
        return _registrar.Answer(_now, request, new SipPeer(SipTransport.Tls, IPEndPoint.Parse("203.0.113.7:5061"), 1, trunk));
    }
}
