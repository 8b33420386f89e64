using System.Net;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Auth;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Tracing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Calls out of a whole edge over real sockets; the carrier is a server of the test, media and cluster are fakes.</summary>
public sealed class BridgeLoopbackTests : IAsyncDisposable
{
    private const string Number = "+4930123456";

    private readonly PeerServer _carrier = new();

    public ValueTask DisposeAsync() => _carrier.DisposeAsync();

    private EdgeTrunk Carrier(string? callerId = "+493012345", string? user = "ivr", int? atOnce = null, string tenant = "demo")
    {
        Assert.True(SipUri.TryParse($"sip:127.0.0.1:{_carrier.EndPoint.Port};transport=tcp", out var proxy));
        return new EdgeTrunk
        {
            Name = "carrier",
            Tenant = tenant,
            Outbound = new OutboundRoute { Proxy = proxy, FromDomain = "ivr.example", User = user, Password = user is null ? null : new Secret<char>("secret".ToCharArray()), CallerId = callerId },
            Destinations = [DestinationRule.Parse("+49")!, DestinationRule.Parse("sip:agent@pbx.example")!],
            Srtp = SrtpPolicy.Off,
            Limit = new LimitRule { AtOnce = atOnce },
        };
    }

    private static async Task<EdgeHost> Start(EdgeTrunk carrier, string? number = Number, string? address = null, int mostCalls = 4000)
    {
        var host = await EdgeHost.Start(trunks: [carrier], mostCalls: mostCalls);
        host.Flow = e => e switch
        {
            CallOffered => [new Answer(), new Bridge { Trunk = "carrier", Number = number is null ? null : new PhoneNumber(number), Address = address, RingTime = TimeSpan.FromSeconds(30), MostTalk = TimeSpan.FromMinutes(1) }],
            BridgeEnded => [new HangUp()],
            _ => [],
        };
        return host;
    }

    private static async Task<SipResponse> Call(Phone phone, string headers = "")
    {
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: headers);
        var answer = await phone.Final();
        Assert.Equal(200, answer.Status);
        await phone.Request("ACK", 1, answer.To.Tag);
        return answer;
    }

    private static async Task<SipRequest> Next(PeerStream stream, string method)
    {
        while (true)
        {
            var frame = await stream.Next();
            Assert.NotNull(frame);
            if (SipParser.Parse(frame.Value.Bytes).Message is SipRequest request && request.Method == method) return request;
        }
    }

    private static Task Answer(PeerStream stream, SipRequest request, int status, string body = "", params (string Name, string Value)[] headers)
    {
        var response = SipResponses.For(request, status, status == 100 ? null : "t");
        if (request.Method == "INVITE") response.Headers.Add("Contact", "<sip:callee@127.0.0.1;transport=tcp>");
        foreach (var (name, value) in headers) response.Headers.Add(name, value);
        if (body.Length > 0) response.Headers.Add("Content-Type", "application/sdp");
        response.Body = System.Text.Encoding.ASCII.GetBytes(body);
        return stream.Send(SipWriter.ToBytes(response));
    }

    private static async Task<BridgeResult> Failure(EdgeHost host)
    {
        await EdgeHost.Until(() => host.Events.OfType<BridgeEnded>().Any());
        return host.Events.OfType<BridgeEnded>().First().Result;
    }

    [Fact]
    public async Task A_caller_is_bridged_through_the_carrier_whose_challenge_is_answered_and_hangs_up()
    {
        await using var host = await Start(Carrier());
        await using var phone = Phone.Udp(host.Udp);
        var answer = await Call(phone);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        Assert.Equal($"sip:{Number}@127.0.0.1:{_carrier.EndPoint.Port};user=phone", invite.RequestUri.ToString());
        Assert.Equal(("+493012345", "ivr.example", 69), (invite.From.Uri.User, invite.From.Uri.Host, invite.MaxForwards));
        Assert.DoesNotContain("4915550001", System.Text.Encoding.ASCII.GetString(SipWriter.ToBytes(invite)), StringComparison.Ordinal);
        await Answer(stream, invite, 407, headers: ("Proxy-Authenticate", DigestChallenge.Write("carrier.example", "n", DigestAlgorithm.Sha256, stale: false)));
        await Next(stream, "ACK");
        invite = await Next(stream, "INVITE");
        Assert.True(DigestCredentials.Read(invite.Headers.First("Proxy-Authorization")!)!.Proves(DigestHash.Ha1(DigestAlgorithm.Sha256, "ivr", "carrier.example", "secret"), "INVITE", default));
        await Answer(stream, invite, 180);
        await EdgeHost.Until(() => host.Media.Sessions[0].Rings == 1);
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "carrier").Calls == 1);
        await Answer(stream, invite, 200, "v=0\r\n");
        await Next(stream, "ACK");
        await EdgeHost.Until(() => host.Media.Sessions[0].SendsOnTo == host.Media.Sessions[1]);

        await phone.Request("BYE", 2, answer.To.Tag, headers: "Reason: Q.850;cause=16\r\n");
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
        var bye = await Next(stream, "BYE");
        Assert.Equal("Q.850;cause=16", bye.Headers.First("Reason"));
        await Answer(stream, bye, 200);
        await EdgeHost.Until(() => host.Events.Any(e => e is CallEnded));
        Assert.Equal(BridgeOutcome.Answered, host.Events.OfType<CallEnded>().Single().Bridge!.Outcome);
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "carrier").Calls == 0);
        Assert.All(host.Media.Sessions, session => Assert.True(session.Disposed));
    }

    [Fact]
    public async Task A_bridged_call_is_traced_by_its_name_with_both_of_its_dialogs_and_without_its_numbers()
    {
        await using var host = await Start(Carrier());
        var flow = host.Flow;
        host.Flow = e =>
        {
            host.Grain.Traces = [new TraceOrder { Id = "t1", Filter = new TraceFilter { Call = host.Calls.Last().Value }, Left = TimeSpan.FromMinutes(1) }];
            host.Grain.Observer!.Trace(host.Grain.Traces);
            return flow(e);
        };
        await using var phone = Phone.Udp(host.Udp);
        var answer = await Call(phone);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        await Answer(stream, invite, 200, "v=0\r\n");
        await Next(stream, "ACK");
        await EdgeHost.Until(() => host.Tap.Names.Knows(phone.CallId));
        await phone.Request("BYE", 2, answer.To.Tag);
        await phone.FinalOf("BYE");
        await Answer(stream, await Next(stream, "BYE"), 200);
        string[] Out() => [.. host.TraceGrain.Messages.Where(m => m.Trunk == "carrier").Select(m => (m.Direction == TraceDirection.Sent ? ">" : "<") + string.Join(' ', m.Text.Split(' ', '\r').Take(2)))];
        await EdgeHost.Until(() => Out().Length == 5 && host.TraceGrain.Messages.Any(m => m.Trunk == "test" && m.Text.Contains("2 BYE", StringComparison.Ordinal)));

        Assert.Equal([$">INVITE sip:+xxxxxxxx56@127.0.0.1:{_carrier.EndPoint.Port};user=phone", "<SIP/2.0 200", ">ACK sip:xxxx@127.0.0.1;transport=tcp", ">BYE sip:xxxx@127.0.0.1;transport=tcp", "<SIP/2.0 200"], Out());
        Assert.All(host.TraceGrain.Messages, m => Assert.Equal(host.Calls.First().Value, m.Call));
        Assert.All(host.TraceGrain.Messages, m => Assert.DoesNotMatch("4915550001|30123456|493012345", m.Text));
    }

    [Fact]
    public async Task The_callee_hangs_up_and_the_caller_is_told()
    {
        await using var host = await Start(Carrier(), number: null, address: "sip:agent@pbx.example");
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        Assert.Equal("sip:agent@pbx.example", invite.RequestUri.ToString());
        await Answer(stream, invite, 200, "v=0\r\n");
        await Next(stream, "ACK");
        var bye = new SipRequest("BYE", invite.Contact!.Uri);
        foreach (var (name, value) in new[] { ("Via", $"SIP/2.0/TCP 127.0.0.1:{_carrier.EndPoint.Port};branch=z9hG4bKbye"), ("Max-Forwards", "70"), ("From", invite.Headers.First("To") + ";tag=t"),
            ("To", invite.Headers.First("From")!), ("Call-ID", invite.CallId), ("CSeq", "9 BYE") }) bye.Headers.Add(name, value);
        await stream.Send(SipWriter.ToBytes(bye));
        while (await phone.Receive() is not SipRequest { Method: "BYE" })
        {
        }
        await EdgeHost.Until(() => host.Events.OfType<CallEnded>().Any(e => e is { Reason: CallEndReason.CalleeHungUp, Bridge.Outcome: BridgeOutcome.Answered }));
    }

    [Theory]
    [InlineData("+4315123456", null)]
    [InlineData("+49", "sip:boss@pbx.example")]
    [InlineData(null, "sip:agent@elsewhere.example")]
    public async Task Whom_the_trunk_does_not_name_is_never_dialled_whatever_the_cluster_says(string? number, string? address)
    {
        await using var host = await Start(Carrier(), address is null ? number : null, address);
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        Assert.Equal((BridgeOutcome.Refused, 403), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
        Assert.Single(host.Media.Sessions);
    }

    [Fact]
    public async Task The_trunk_of_another_tenant_is_nobodys_way_out()
    {
        await using var host = await Start(Carrier(tenant: "other"));
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        Assert.Equal(BridgeOutcome.Failed, (await Failure(host)).Outcome);
    }

    [Fact]
    public async Task A_trunk_with_all_its_calls_dials_no_more_and_one_that_was_refused_gives_its_place_back()
    {
        await using var host = await Start(Carrier(atOnce: 1));
        await using var first = Phone.Udp(host.Udp);
        await Call(first);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        await using var second = Phone.Udp(host.Udp, "127.0.31.2");
        await Call(second);
        Assert.Equal((BridgeOutcome.Failed, 486), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
        await Answer(stream, invite, 486);
        await EdgeHost.Until(() => host.Events.OfType<BridgeEnded>().Any(e => e.Result.Outcome == BridgeOutcome.Busy));
        await host.Grain_has(report => report.Trunks.Single(t => t.Trunk == "carrier").Calls == 0);
    }

    [Fact]
    public async Task A_bridged_call_takes_the_room_of_two_until_its_callee_is_gone()
    {
        await using var host = await Start(Carrier(), mostCalls: 2);
        await using var first = Phone.Udp(host.Udp);
        await Call(first);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        await using var second = Phone.Udp(host.Udp, "127.0.31.2");
        await second.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        Assert.Equal(503, (await second.Final()).Status);
        await Answer(stream, invite, 486);
        await EdgeHost.Until(() => host.Service<CallGate>().HasRoomForCallee);
    }

    [Fact]
    public async Task An_edge_without_room_for_one_more_dials_nobody()
    {
        await using var host = await Start(Carrier(), mostCalls: 1);
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        Assert.Equal((BridgeOutcome.Failed, 503), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
        Assert.Single(host.Media.Sessions);
    }

    [Fact]
    public async Task A_call_that_has_gone_round_too_often_goes_no_further()
    {
        await using var host = await Start(Carrier());
        await using var phone = Phone.Udp(host.Udp);
        await phone.Send($"INVITE {phone.Target} SIP/2.0\r\nVia: SIP/2.0/UDP {phone.Local};branch=z9hG4bKround;rport\r\nMax-Forwards: 1\r\nFrom: <sip:a@127.0.0.1>;tag=f\r\nTo: <{phone.Target}>\r\n"
            + $"Call-ID: {phone.CallId}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{phone.Local}>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
        var answer = await phone.Final();
        await phone.Request("ACK", 1, answer.To.Tag);
        Assert.Equal((BridgeOutcome.Failed, 483), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
    }

    [Fact]
    public async Task A_hidden_caller_makes_an_anonymous_call_and_one_without_our_number_too()
    {
        await using var host = await Start(Carrier());
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone, "Privacy: id\r\n");
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        Assert.Equal(("anonymous.invalid", "id"), (invite.From.Uri.Host, invite.Headers.First("Privacy")));
        var nameless = Carrier(callerId: null, user: null);
        await using var other = await Start(nameless);
        await using var second = Phone.Udp(other.Udp);
        await Call(second);
        await using var again = await _carrier.Accept();
        invite = await Next(again, "INVITE");
        Assert.Equal(("anonymous.invalid", "id"), (invite.From.Uri.Host, invite.Headers.First("Privacy")));
    }

    [Fact]
    public async Task An_edge_that_stops_ends_both_sides()
    {
        await using var host = await Start(Carrier());
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        await Answer(stream, invite, 200, "v=0\r\n");
        await Next(stream, "ACK");
        var stopping = host.Stop();
        await Answer(stream, await Next(stream, "BYE"), 200);
        await stopping;
        Assert.Equal(CallEndReason.Shutdown, host.Events.OfType<CallEnded>().Single().Reason);
    }

    [Fact]
    public async Task A_carrier_that_is_not_there_leaves_the_caller_to_the_flow()
    {
        var trunk = Carrier();
        await _carrier.DisposeAsync();
        await using var host = await Start(trunk);
        await using var phone = Phone.Udp(host.Udp);
        await Call(phone);
        Assert.Equal((BridgeOutcome.Failed, 503), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
    }
}
