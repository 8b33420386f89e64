using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Tracing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Calls of our own by a whole edge over real sockets; the carrier is a server of the test, media and cluster are fakes.</summary>
public sealed class CallBackLoopbackTests : IAsyncDisposable
{
    private const string Number = "+4930123456";
    private static readonly CallId s_call = new("call-back-1");

    private readonly PeerServer _carrier = new();

    public ValueTask DisposeAsync() => _carrier.DisposeAsync();

    private EdgeTrunk Carrier(int? atOnce = null, SrtpPolicy srtp = SrtpPolicy.Off)
    {
        Assert.True(SipUri.TryParse($"sip:127.0.0.1:{_carrier.EndPoint.Port};transport=tcp", out var proxy));
        return new EdgeTrunk
        {
            Name = "carrier",
            Tenant = "demo",
            Outbound = new OutboundRoute { Proxy = proxy, FromDomain = "ivr.example", CallerId = "+493012345" },
            Destinations = [DestinationRule.Parse("+49")!],
            Srtp = srtp,
            Limit = new LimitRule { AtOnce = atOnce },
        };
    }

    private static Originate Order(string number = Number, string tenant = "demo", int tries = 1, TimeSpan after = default) => new()
    {
        Tenant = tenant,
        Trunk = "carrier",
        Number = new PhoneNumber(number),
        RingTime = TimeSpan.FromSeconds(30),
        MostTalk = TimeSpan.FromMinutes(1),
        After = after,
        Tries = tries,
        Pause = TimeSpan.FromMilliseconds(50),
    };

    private static async Task<EdgeHost> Start(EdgeTrunk carrier, int mostCalls = 4000)
    {
        var host = await EdgeHost.Start(trunks: [carrier], mostCalls: mostCalls);
        host.Flow = e => e is CallOffered ? [new Answer(), VirtualCall.Ask("pin", most: 4)] : [];
        return host;
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

    private static Task Answer(PeerStream stream, SipRequest request, int status, string body = "")
    {
        var response = SipResponses.For(request, status, status == 100 ? null : "t");
        if (request.Method == "INVITE") response.Headers.Add("Contact", "<sip:callee@127.0.0.1;transport=tcp>");
        if (body.Length > 0) response.Headers.Add("Content-Type", "application/sdp");
        response.Body = System.Text.Encoding.ASCII.GetBytes(body);
        return stream.Send(SipWriter.ToBytes(response));
    }

    private static Task IsFree(EdgeHost host) => host.Grain_has(report => report.ActiveCalls == 0 && report.Trunks.Single(t => t.Trunk == "carrier").Calls == 0);

    private static async Task<BridgeResult> Failure(EdgeHost host)
    {
        await EdgeHost.Until(() => !host.Events.IsEmpty);
        var ended = Assert.IsType<CallEnded>(Assert.Single(host.Events));
        Assert.Equal((1, s_call), (ended.Seq, Assert.Single(host.Calls)));
        await IsFree(host);
        Assert.True(host.Service<CallGate>().HasRoomForCallee);
        return ended.Originated!;
    }

    [Fact]
    public async Task A_call_that_was_ordered_is_made_and_counted_once_and_is_a_call_of_the_trunk_until_it_ends()
    {
        await using var host = await Start(Carrier(atOnce: 1));
        host.Loop.Order(s_call, Order());
        // The same order again.
        host.Loop.Order(s_call, Order());
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        Assert.Equal($"sip:{Number}@127.0.0.1:{_carrier.EndPoint.Port};user=phone", invite.RequestUri.ToString());
        Assert.Equal(("+493012345", "ivr.example", 70), (invite.From.Uri.User, invite.From.Uri.Host, invite.MaxForwards));
        await Answer(stream, invite, 180);
        await host.Grain_has(report => report.ActiveCalls == 0 && report.Trunks.Single(t => t.Trunk == "carrier").Calls == 1);
        Assert.Empty(host.Events);
        await Answer(stream, invite, 200, "v=0\r\n");
        await Next(stream, "ACK");
        await EdgeHost.Until(() => host.Media.Sessions.Single() is { Started: true, Plays.Count: 1 });
        var offered = Assert.IsType<CallOffered>(Assert.Single(host.Events));
        Assert.Equal((1, true, "carrier", "demo", "edge-test", s_call), (offered.Seq, offered.Originated, offered.Trunk, offered.Tenant, offered.Edge, Assert.Single(host.Calls)));
        await host.Grain_has(report => report.ActiveCalls == 1 && report.Trunks.Single(t => t.Trunk == "carrier").Calls == 1);
        // And once more while it lasts.
        host.Loop.Order(s_call, Order());
        host.Loop.Order(s_call, new HangUp { AtOnce = true });
        await Answer(stream, await Next(stream, "BYE"), 200);
        await EdgeHost.Until(() => host.Events.Count == 2);
        var ended = Assert.IsType<CallEnded>(host.Events.Last());
        Assert.Equal((2, CallEndReason.OperatorHungUp, BridgeOutcome.Answered), (ended.Seq, ended.Reason, ended.Originated!.Outcome));
        await IsFree(host);
        Assert.All(host.Media.Sessions, session => Assert.True(session.Disposed));
    }

    [Theory]
    [InlineData("+4315123456", "demo", BridgeOutcome.Refused, 403)]
    [InlineData(Number, "other", BridgeOutcome.Failed, 503)]
    public async Task Whom_the_trunk_does_not_name_is_never_dialled_whatever_the_cluster_says(string number, string tenant, BridgeOutcome outcome, int status)
    {
        await using var host = await Start(Carrier());
        host.Loop.Order(s_call, Order(number, tenant));
        Assert.Equal((outcome, status), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
        Assert.Empty(host.Media.Sessions);
    }

    [Fact]
    public async Task A_busy_line_is_tried_again_and_then_told_with_nothing_left_behind()
    {
        await using var host = await Start(Carrier());
        host.Loop.Order(s_call, Order(tries: 2));
        await using var stream = await _carrier.Accept();
        for (var tries = 0; tries < 2; tries++)
        {
            await Answer(stream, await Next(stream, "INVITE"), 486);
            await Next(stream, "ACK");
        }
        Assert.Equal((BridgeOutcome.Busy, 486), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
        Assert.Equal(2, host.Media.Sessions.Count);
        Assert.All(host.Media.Sessions, session => Assert.True(session.Disposed));
    }

    [Fact]
    public async Task A_carrier_that_is_not_there_is_told()
    {
        var trunk = Carrier();
        await _carrier.DisposeAsync();
        await using var host = await Start(trunk);
        host.Loop.Order(s_call, Order());
        Assert.Equal((BridgeOutcome.Failed, 503), (await Failure(host) is var result ? (result.Outcome, result.Status) : default));
    }

    [Fact]
    public async Task An_edge_without_media_or_room_dials_nobody()
    {
        await using var host = await Start(Carrier(), mostCalls: 0);
        host.Loop.Order(s_call, Order());
        await EdgeHost.Until(() => host.Events.Count == 1);
        Assert.Equal(503, Assert.IsType<CallEnded>(host.Events.Single()).Originated!.Status);
        await using var other = await Start(Carrier());
        other.Media.RefuseOffersOfOursWith = 503;
        other.Loop.Order(s_call, Order());
        Assert.Equal(503, (await Failure(other)).Status);
    }

    [Fact]
    public async Task An_operator_takes_back_what_rings()
    {
        await using var host = await Start(Carrier());
        host.Loop.Order(s_call, Order());
        await using var stream = await _carrier.Accept();
        var invite = await Next(stream, "INVITE");
        await Answer(stream, invite, 180);
        await EdgeHost.Until(() => host.Media.Sessions.Count == 1);
        host.Loop.Order(s_call, new HangUp { AtOnce = true });
        await Next(stream, "CANCEL");
        Assert.Equal(BridgeOutcome.Cancelled, (await Failure(host)).Outcome);
    }

    [Fact]
    public async Task An_edge_that_stops_calls_nobody_any_more_and_says_so()
    {
        await using var host = await Start(Carrier());
        host.Loop.Order(s_call, Order(after: TimeSpan.FromHours(1)));
        await host.Stop();
        Assert.Equal((BridgeOutcome.Failed, 503), Assert.IsType<CallEnded>(Assert.Single(host.Events)).Originated is var result ? (result!.Outcome, result.Status) : default);
    }

    [Fact]
    public async Task It_is_traced_by_its_name_from_its_first_invite_on_and_without_its_number()
    {
        await using var host = await Start(Carrier());
        host.Grain.Traces = [new TraceOrder { Id = "t1", Filter = new TraceFilter { Call = s_call.Value }, Left = TimeSpan.FromMinutes(1) }];
        await host.Grain.Observer!.Trace(host.Grain.Traces);
        host.Loop.Order(s_call, Order());
        await using var stream = await _carrier.Accept();
        await Answer(stream, await Next(stream, "INVITE"), 603);
        await EdgeHost.Until(() => host.TraceGrain.Messages.Count(m => m.Trunk == "carrier") >= 3);
        Assert.Contains(host.TraceGrain.Messages, m => m.Text.StartsWith("INVITE ", StringComparison.Ordinal) && m.Call == s_call.Value);
        Assert.All(host.TraceGrain.Messages, m => Assert.DoesNotMatch("30123456", m.Text));
    }
}
