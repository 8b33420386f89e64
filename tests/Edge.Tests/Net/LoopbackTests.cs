using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>A whole edge over real sockets on loopback.</summary>
public class LoopbackTests
{
    private static async Task<Phone> PhoneOf(EdgeHost host, string transport) =>
        transport == "UDP" ? Phone.Udp(host.Udp) : await Phone.Stream(transport == "TCP" ? host.Tcp : host.Tls, transport == "TLS");

    private static async Task<SipResponse> Call(Phone phone)
    {
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        Assert.Equal(100, Assert.IsType<SipResponse>(await phone.Receive()).Status);
        var answer = await phone.Final();
        if (answer.Status == 200) await phone.Request("ACK", 1, answer.To.Tag);
        return answer;
    }

    [Theory]
    [InlineData("UDP")]
    [InlineData("TCP")]
    [InlineData("TLS")]
    [Clause("18", "UDP and TCP are implemented")]
    public async Task A_call_with_keys_by_info_and_bye(string transport)
    {
        await using var host = await EdgeHost.Start();
        host.Flow = e => e switch
        {
            CallOffered => [new Answer(), VirtualCall.Ask("pin", 2, 2, secret: true)],
            DigitsCollected => [new HangUp()],
            _ => [],
        };
        await using var phone = await PhoneOf(host, transport);
        var answer = await Call(phone);
        Assert.Equal((200, "v=0\r\n"), (answer.Status, Encoding.ASCII.GetString(answer.Body.Span)));
        Assert.Contains(transport == "UDP" ? "sip:ivr@127.0.0.1:" : $";transport={transport.ToLowerInvariant()}", answer.Contact!.ToString());
        var offered = Assert.IsType<CallOffered>(host.Events.First());
        Assert.Equal(("bank", "test", "demo", "+4915550001", transport == "TLS", "127.0.31.1"), (offered.Called, offered.Trunk, offered.Tenant, offered.Calling!.Reveal(), offered.Encrypted, offered.SourceAddress));

        await host.Grain_has(report => report.Calls is [{ Flow: "bank", Codec: "PCMA", Loss: 0.25 }]);
        foreach (var (key, sequence) in new[] { ('4', 2), ('2', 3) })
        {
            await phone.Request("INFO", sequence, answer.To.Tag, $"Signal={key}\r\nDuration=100\r\n", "application/dtmf-relay");
            Assert.Equal(200, (await phone.Final()).Status);
        }
        var bye = Assert.IsType<SipRequest>(await phone.Receive());
        Assert.Equal("BYE", bye.Method);
        await phone.Send(SipWriter.ToBytes(SipResponses.For(bye, 200)));
        await EdgeHost.Until(() => host.Events.Count == 3 && host.Loop.ActiveCalls == 0);
        Assert.True(host.Media.Sessions.Single().Disposed);
    }

    [Fact]
    public async Task A_call_has_the_session_interval_and_the_longest_time_of_the_options()
    {
        await using var host = await EdgeHost.Start(longestCall: TimeSpan.FromMilliseconds(200));
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: "Supported: timer\r\n");
        var answer = await phone.Final();
        Assert.Equal("1200;refresher=uas", answer.Headers.First("Session-Expires"));
        await phone.Request("ACK", 1, answer.To.Tag);
        var bye = Assert.IsType<SipRequest>(await phone.Receive());
        Assert.Equal("BYE", bye.Method);
        await phone.Send(SipWriter.ToBytes(SipResponses.For(bye, 200)));
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
    }

    [Fact]
    public async Task Media_are_negotiated_with_the_codecs_and_the_srtp_of_the_trunk()
    {
        var trunk = new EdgeTrunk { Name = "alaw", Tenant = "demo", From = [IPNetwork.Parse("127.0.33.0/24")], Codecs = [SdpCodec.Pcma], Srtp = SrtpPolicy.Preferred };
        await using var host = await EdgeHost.Start(trunks: [trunk]);
        await using var phone = Phone.Udp(host.Udp, "127.0.33.1");
        Assert.Equal(200, (await Call(phone)).Status);
        Assert.Equal([SdpCodec.Pcma], host.Media.LastPolicy.Codecs);
        Assert.Equal(SrtpPolicy.Preferred, host.Media.LastPolicy.Srtp);
    }

    [Fact]
    public async Task A_stranger_gets_no_answer_at_all()
    {
        await using var host = await EdgeHost.Start();
        await using var stranger = Phone.Udp(host.Udp, "127.0.32.1");
        await using var friend = Phone.Udp(host.Udp);
        await stranger.Request("OPTIONS", 1);
        await friend.Request("OPTIONS", 1);
        Assert.Equal(200, (await friend.Final()).Status);
        Assert.Equal(0, stranger.Available);
        await using var connected = await Phone.Stream(host.Tcp, tls: false, "127.0.32.1");
        Assert.Equal("", await connected.ReadToEnd());
    }

    [Fact]
    public async Task A_source_above_its_limit_gets_no_answer_over_udp_and_is_slowed_down_over_tcp()
    {
        await using var host = await EdgeHost.Start(new RateLimit(10, TimeSpan.FromSeconds(1), 10));
        await using var phone = Phone.Udp(host.Udp, "127.0.31.50");
        for (var i = 1; i <= 40; i++)
        {
            phone.CallId = "flood" + i;
            await phone.Request("OPTIONS", 1);
        }
        Assert.Equal(200, (await phone.Final()).Status);
        await using var other = await Phone.Stream(host.Tcp, tls: false, "127.0.31.51");
        for (var i = 1; i <= 12; i++)
        {
            other.CallId = "steady" + i;
            await other.Request("OPTIONS", 1);
            Assert.Equal(200, (await other.Final()).Status);
        }
        Assert.InRange(phone.Available, 1, 40 * 300);
    }

    [Fact]
    public async Task A_double_line_end_is_answered_by_a_single_one()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = await Phone.Stream(host.Tcp, tls: false);
        await phone.Send("\r\n\r\n");
        Assert.Equal("\r\n"u8.ToArray(), await phone.ReadRaw(2));
        await phone.Request("OPTIONS", 1);
        Assert.Equal(200, (await phone.Final()).Status);
    }

    [Fact]
    public async Task Messages_in_pieces_and_in_one_piece_are_both_served()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = await Phone.Stream(host.Tcp, tls: false);
        var bytes = Samples.Request("OPTIONS");
        foreach (var piece in bytes.Chunk(50)) await phone.Send(piece);
        Assert.Equal(200, (await phone.Final()).Status);
        await phone.Send((byte[])[.. bytes, .. bytes]);
        Assert.Equal(200, (await phone.Final()).Status);
        Assert.Equal(200, (await phone.Final()).Status);
    }

    [Fact]
    public async Task An_operators_order_ends_a_call_and_a_stopping_edge_ends_the_others()
    {
        await using var host = await EdgeHost.Start();
        await using var first = Phone.Udp(host.Udp);
        await using var second = await Phone.Stream(host.Tcp, tls: false, "127.0.31.2");
        await Call(first);
        await host.Grain_has(report => report.Calls.Count == 1);
        var call = host.Grain.Last!.Calls[0].Call;
        await Call(second);
        await host.Grain.Observer!.Order(call, new HangUp { AtOnce = true });
        await first.RequestOf("BYE");
        await EdgeHost.Until(() => host.Events.OfType<CallEnded>().Any(e => e.Reason == CallEndReason.OperatorHungUp));
        await host.Stop();
        await second.RequestOf("BYE");
        Assert.Equal("", await second.ReadToEnd());
        Assert.Contains(host.Events.OfType<CallEnded>(), e => e.Reason == CallEndReason.Shutdown);
        Assert.All(host.Media.Sessions, session => Assert.True(session.Disposed));
    }

    [Fact]
    [Clause("15", "a callee sends no BYE before the ACK of its 2xx or the time-out of the transaction")]
    public async Task A_call_whose_ACK_is_on_its_way_while_the_edge_stops_is_ended_by_BYE_all_the_same()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = await Phone.Stream(host.Tcp, tls: false);
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        var answer = await phone.Final();
        var stopping = host.Stop();
        await EdgeHost.Until(() => host.Events.OfType<CallEnded>().Any(e => e.Reason == CallEndReason.Shutdown));
        // Time enough for an edge that does not wait for the ACK to close the stream.
        await using var other = Phone.Udp(host.Udp, "127.0.31.2");
        for (var i = 1; i <= 5; i++)
        {
            await other.Request("OPTIONS", i);
            await other.Final();
        }
        await phone.Request("ACK", 1, answer.To.Tag);
        await phone.RequestOf("BYE");
        await stopping;
    }

    [Fact]
    public async Task Media_that_cannot_be_agreed_on_is_refused_without_asking_the_cluster()
    {
        await using var host = await EdgeHost.Start();
        host.Media.RefuseWith = 488;
        await using var phone = Phone.Udp(host.Udp);
        Assert.Equal(488, (await Call(phone)).Status);
        Assert.Empty(host.Events);
    }

    [Fact]
    public async Task An_invite_whose_connection_breaks_before_the_answer_frees_its_media()
    {
        await using var host = await EdgeHost.Start();
        using var asked = new ManualResetEventSlim();
        host.Flow = e =>
        {
            if (e is CallOffered) asked.Wait(EdgeHost.Patience);
            return e is CallOffered ? [new Answer()] : [];
        };
        await using (var phone = await Phone.Stream(host.Tcp, tls: false))
        {
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            Assert.Equal(100, Assert.IsType<SipResponse>(await phone.Receive()).Status);
        }
        await EdgeHost.Until(() => host.Media.Sessions is [{ Disposed: true }]);
        Assert.Equal(0, host.Loop.ActiveCalls);
        asked.Set();
    }

    [Fact]
    public async Task A_source_has_a_bounded_number_of_connections()
    {
        await using var host = await EdgeHost.Start();
        List<Phone> phones = [];
        try
        {
            for (var i = 0; i < ConnectionGate.MostPerSource; i++)
            {
                phones.Add(await Phone.Stream(host.Tcp, tls: false, "127.0.31.60"));
            }
            // Connected is not yet let in: else one of the first could be the one too many.
            await EdgeHost.Until(() => host.Admitted == ConnectionGate.MostPerSource);
            phones.Add(await Phone.Stream(host.Tcp, tls: false, "127.0.31.60"));
            Assert.Equal("", await phones[^1].ReadToEnd());
            await using var other = await Phone.Stream(host.Tcp, tls: false, "127.0.31.61");
            await other.Request("OPTIONS", 1);
            Assert.Equal(200, (await other.Final()).Status);
            await phones[0].DisposeAsync();
            await EdgeHost.Until(() => host.Admitted == ConnectionGate.MostPerSource);
            await using var again = await Phone.Stream(host.Tcp, tls: false, "127.0.31.60");
            await again.Request("OPTIONS", 1);
            Assert.Equal(200, (await again.Final()).Status);
        }
        finally
        {
            foreach (var phone in phones) await phone.DisposeAsync();
        }
    }
}

internal static class EdgeHostReports
{
    /// <summary>Waits for a report that fulfils the condition.</summary>
    public static Task Grain_has(this EdgeHost host, Func<IvrActors.Grains.Interfaces.Edges.EdgeReport, bool> condition) =>
        EdgeHost.Until(() => host.Grain.Last is { } report && condition(report));
}
