using System.Net;
using System.Text;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Limits;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public class CallGateTests
{
    private const long Second = TimeSpan.TicksPerSecond;

    private static readonly EdgeTrunk s_trunk = new() { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("192.0.2.0/24")] };
    private static readonly EdgeTrunk s_phones = new() { Name = "phones", Tenant = "demo" };
    private static int s_calls;

    private readonly KnownCallers _known = new();
    private readonly CallGate _gate;

    public CallGateTests()
    {
        _gate = new(new AdmissionRules { MostCalls = 10 }, new InviteMarks(new byte[32]), _known);
        _known.Take(0, 0, new KnownUpdate { Epoch = 1, Version = 0, More = false, Callers = [], Days = [], HashKey = new byte[32] });
    }

    private static SipPeer Peer(EdgeTrunk? trunk = null, string address = "192.0.2.7") => new(SipTransport.Udp, new IPEndPoint(IPAddress.Parse(address), 5060), 0, trunk ?? s_trunk);

    private static SipRequest Invite(string from = "sip:+4930111@x", string uri = "sip:bank@ivr.example", string more = "", string? call = null)
    {
        call ??= $"c{++s_calls}";
        return Assert.IsType<SipRequest>(SipParser.Parse(Encoding.Latin1.GetBytes(
            $"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{call}\r\nFrom: <{from}>;tag=f\r\nTo: <sip:bank@ivr.example>\r\nCall-ID: {call}\r\nCSeq: 1 INVITE\r\n"
            + $"Contact: <sip:a@192.0.2.7>\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n")).Message);
    }

    private GateVerdict Judge(SipRequest invite, double chance = 0, SipPeer? peer = null, TrunkCalls? calls = null, long now = Second) => _gate.Judge(now, invite, peer ?? Peer(), calls, chance, 0);

    /// <summary>So much load that nobody but the known and the urgent comes in.</summary>
    private void Overload(int times = 20)
    {
        for (var i = 0; i < times; i++)
        {
            for (var call = 0; call < 100; call++) Judge(Invite());
            _gate.Observe(new LoadReading(1, 0.1, TimeSpan.Zero, TimeSpan.Zero, 0));
        }
        for (var i = 0; i < 100 && _gate.State.OrdinaryShed < 0.99; i++) _gate.Observe(new LoadReading(1, 0.1, TimeSpan.FromSeconds(9), TimeSpan.Zero, 0));
    }

    [Fact]
    public void Without_load_a_call_comes_in()
    {
        Assert.True(Judge(Invite()).IsAdmitted);
    }

    [Fact]
    public void The_callee_of_a_bridged_call_takes_the_room_of_a_call()
    {
        for (var i = 0; i < 5; i++)
        {
            _gate.CallBegan();
            Assert.True(_gate.HasRoomForCallee);
            _gate.CalleeBegan();
        }
        Assert.Equal((5, true, false, false), (_gate.Calls, _gate.IsShut, _gate.HasRoomForCallee, _gate.HasRoom(Invite(), Peer())));
        Assert.Equal("busy", Judge(Invite()).Reason);
        _gate.CalleeEnded();
        Assert.Equal((false, true, true), (_gate.IsShut, _gate.HasRoomForCallee, _gate.HasRoom(Invite(), Peer())));
    }

    [Fact]
    public void Under_load_an_ordinary_call_is_turned_away_with_a_pause()
    {
        Overload();
        Assert.Equal(new GateVerdict(503, 1, "overload", CallClass.Ordinary), Judge(Invite()));
    }

    [Fact]
    public void What_was_let_in_stays_in_when_it_is_repeated_under_load_or_drain()
    {
        Judge(Invite(call: "early"));
        Overload();
        Assert.True(Judge(Invite(call: "early")).IsAdmitted);
        _gate.Drain(true);
        Assert.True(Judge(Invite(call: "early")).IsAdmitted);
        Assert.False(Judge(Invite(call: "early"), now: 34 * Second).IsAdmitted);
    }

    [Fact]
    public void Who_proved_who_they_are_is_let_in_under_load_from_the_same_source_only()
    {
        var phone = Peer(s_phones, "198.51.100.1");
        _gate.Verified(Second, _gate.CallerOf(Invite("sip:ann@x"), phone));
        _gate.Verified(Second, _gate.CallerOf(Invite("sip:+4930222@x"), Peer()));
        Overload();
        Assert.True(Judge(Invite("sip:ann@x"), peer: phone).IsAdmitted);
        Assert.False(Judge(Invite("sip:ann@x"), peer: Peer(s_phones, "198.51.100.2")).IsAdmitted);
        Assert.False(Judge(Invite("sip:ann@x"), peer: Peer(s_trunk)).IsAdmitted);
        // A carrier's own addresses are one source: its next call may come by another of its proxies.
        Assert.True(Judge(Invite("sip:+4930222@x"), peer: Peer(address: "192.0.2.8")).IsAdmitted);
        Assert.False(Judge(Invite("sip:ann@x"), peer: phone, now: TimeSpan.FromDays(46).Ticks).IsAdmitted);
    }

    [Theory]
    [InlineData("urn:service:sos", "", false, true)]
    [InlineData("urn:service:sos.fire", "", false, true)]
    [InlineData("urn:service:sosx", "", false, false)]
    [InlineData("sip:112@ivr.example", "", false, true)]
    [InlineData("sip:1123@ivr.example", "", false, false)]
    [InlineData("sip:bank@ivr.example", "Resource-Priority: wps.1, esnet.0\r\n", true, true)]
    [InlineData("sip:bank@ivr.example", "Resource-Priority: esnet.0\r\n", false, false)]
    [InlineData("sip:bank@ivr.example", "Resource-Priority: q735.0\r\n", true, false)]
    public void An_emergency_is_let_in_under_load(string uri, string more, bool trusted, bool isEmergency)
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "demo", From = s_trunk.From, TrustsCallerIdentity = trusted };
        Overload();
        Assert.Equal(isEmergency, Judge(Invite(uri: uri, more: more), peer: Peer(trunk)).IsAdmitted);
    }

    [Fact]
    public void A_flood_of_emergencies_gets_ahead_only_so_far()
    {
        Overload();
        var admitted = 0;
        for (var i = 0; i < 500; i++) admitted += Judge(Invite(uri: "sip:112@ivr.example")).IsAdmitted ? 1 : 0;
        Assert.Equal(CallGate.EmergencyRate.Burst, admitted);
    }

    [Fact]
    public void When_there_is_no_room_emergencies_have_a_reserve()
    {
        for (var i = 0; i < 10; i++) _gate.CallBegan();
        Assert.True(_gate.IsShut);
        Assert.Equal("busy", Judge(Invite()).Reason);
        var emergency = Invite(uri: "sip:911@ivr.example");
        Assert.True(Judge(emergency).IsAdmitted);
        Assert.True(_gate.HasRoom(emergency, Peer()));
        Assert.False(_gate.HasRoom(Invite(), Peer()));
        _gate.CallBegan();
        Assert.Equal("busy", Judge(Invite(uri: "sip:911@ivr.example")).Reason);
        Assert.False(_gate.HasRoom(emergency, Peer()));
        _gate.CallEnded();
        _gate.CallEnded();
        Assert.True(Judge(Invite()).IsAdmitted);
    }

    [Fact]
    public void While_draining_nobody_comes_in_and_afterwards_all_do()
    {
        _gate.Drain(true);
        Assert.Equal(503, Judge(Invite(uri: "urn:service:sos")).Status);
        Assert.True(_gate.IsShut);
        _gate.Drain(false);
        Assert.True(Judge(Invite()).IsAdmitted);
    }

    [Fact]
    public void What_was_turned_away_stays_so_when_it_is_repeated_though_there_is_room_by_then()
    {
        _gate.Drain(true);
        Assert.Equal("draining", Judge(Invite(call: "late")).Reason);
        _gate.Drain(false);
        Assert.Equal(new GateVerdict(503, 1, "", CallClass.Ordinary), Judge(Invite(call: "late")));
        Assert.True(Judge(Invite()).IsAdmitted);
        Assert.True(Judge(Invite(call: "late"), now: 34 * Second).IsAdmitted);
    }

    [Fact]
    public void A_refusal_that_is_repeated_takes_no_place_of_an_emergency()
    {
        for (var i = 0; i < 11; i++) _gate.CallBegan();
        for (var i = 0; i < 500; i++) Judge(Invite(uri: "sip:112@ivr.example", call: "alarm"));
        _gate.CallEnded();
        Assert.True(Judge(Invite(uri: "sip:112@ivr.example")).IsAdmitted);
    }

    [Fact]
    public void An_INVITE_that_begins_a_second_call_is_known_and_its_load_is_judged_again()
    {
        Assert.Equal([false, true, true], Enumerable.Range(1, 3).Select(i => _gate.BeginsAgain(Second + i, Invite(call: "again"))));
        Assert.False(_gate.BeginsAgain(Second, Invite(call: "another")));
        Assert.True(_gate.JudgeLoad(Second, Invite(call: "again"), Peer(), 0, 0).IsAdmitted);
        _gate.Drain(true);
        Assert.Equal("draining", _gate.JudgeLoad(Second, Invite(call: "again"), Peer(), 0, 0).Reason);
    }

    [Fact]
    public void A_trunk_above_its_rate_is_turned_away_and_a_repeated_call_is_counted_once()
    {
        var (calls, cluster) = LocalCluster.Of(new LimitRule { Calls = new RateLimit(1, TimeSpan.FromSeconds(10), 2), AtOnce = 5 });
        var now = Second;
        GateVerdict Next(string? call = null)
        {
            now += Second / 100;
            cluster.Exchange(now);
            return Judge(Invite(call: call), calls: calls, now: now);
        }

        Assert.True(Next("one").IsAdmitted);
        Assert.True(Next("one").IsAdmitted);
        Assert.True(Next().IsAdmitted);
        Assert.Equal(new GateVerdict(503, 10, "trunk_rate", CallClass.Ordinary), Next());
        // What the gate counted is not counted again when it begins.
        for (var i = 0; i < 5; i++)
        {
            cluster.Exchange(now += Second);
            Assert.Equal(0, calls.TryBegin(now, () => false, isCounted: true).Status);
        }
        cluster.Exchange(now += Second);
        Assert.Equal(486, calls.TryBegin(now, () => false, isCounted: true).Status);
    }
}
