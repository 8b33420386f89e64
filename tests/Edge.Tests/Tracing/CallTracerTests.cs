using System.Net;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tests.Net;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Edge.Tracing;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans;
using Xunit;

namespace IvrActors.Edge.Tests.Tracing;

/// <summary>What an edge publishes of the calls that it is ordered to trace, over real sockets.</summary>
public class CallTracerTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(5);

    private static List<TraceOrder> Order(TraceFilter? filter = null, TimeSpan? left = null, string id = "t1") => [new() { Id = id, Filter = filter ?? new TraceFilter(), Left = left ?? s_long }];

    /// <summary>Tells the edge at once, and again with each answer to a report.</summary>
    private static Task Trace(EdgeHost host, List<TraceOrder> orders)
    {
        host.Grain.Traces = orders;
        return host.Grain.Observer!.Trace(orders);
    }

    private static async Task<EdgeHost> Started()
    {
        var host = await EdgeHost.Start();
        host.Flow = e => e is CallOffered ? [new Answer(), VirtualCall.Ask("pin", 4, 4, secret: true)] : [];
        return host;
    }

    /// <summary>A call with two keys that the caller ends.</summary>
    private static async Task Call(Phone phone)
    {
        var tag = await Begin(phone);
        await phone.Request("INFO", 2, tag, "Signal=4\r\nDuration=100\r\n", "application/dtmf-relay");
        await phone.FinalOf("INFO");
        await phone.Request("BYE", 3, tag);
        await phone.FinalOf("BYE");
    }

    private static async Task<string> Begin(Phone phone)
    {
        await phone.Request("INVITE", 1, body: "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n", type: "application/sdp");
        var answer = await phone.FinalOf("INVITE");
        await phone.Request("ACK", 1, answer.To.Tag);
        return answer.To.Tag!;
    }

    private static Task HasMethod(EdgeHost host, string method) =>
        EdgeHost.Until(() => host.TraceGrain.Messages.Any(message => message.Direction == TraceDirection.Sent && message.Text.Contains($"CSeq: 3 {method}", StringComparison.Ordinal)));

    [Fact]
    public async Task A_call_over_tls_is_published_whole_in_order_named_and_masked()
    {
        await using var host = await Started();
        await Trace(host, Order());
        await using (var phone = await Phone.Stream(host.Tls, tls: true)) await Call(phone);
        await HasMethod(host, "BYE");

        var messages = host.TraceGrain.Messages;
        Assert.Equal(["INVITE", "100", "200", "ACK", "INFO", "200", "BYE", "200"], messages.Select(message => message.Text.Split(' ') is var words && words[0] == "SIP/2.0" ? words[1] : words[0]));
        Assert.All(messages, message =>
        {
            Assert.Equal(("edge-test", "TLS", "test", host.Calls.First().Value, ""), (message.Edge, message.Transport, message.Trunk, message.Call, message.Fault));
            Assert.Equal((IPAddress.Parse("127.0.31.1"), host.Tls), (IPEndPoint.Parse(message.Remote).Address, IPEndPoint.Parse(message.Local)));
            Assert.True(SipParser.ParseFramed(System.Text.Encoding.ASCII.GetBytes(message.Text)).Message is not null, message.Text);
            foreach (var secret in new[] { "4915550001", "Signal=4", "WVNfX19z" }) Assert.DoesNotContain(secret, message.Text, StringComparison.Ordinal);
        });
        Assert.Equal((TraceDirection.Received, TraceDirection.Sent), (messages[0].Direction, messages[1].Direction));
    }

    [Fact]
    public async Task Of_a_malformed_message_only_its_length_and_what_is_wrong_is_published()
    {
        await using var host = await Started();
        await Trace(host, Order());
        await using var phone = Phone.Udp(host.Udp);
        await phone.Send("INVITE sip:4826@h SIP/2.0\r\nPIN: 4826\r\n\r\n");
        await EdgeHost.Until(() => host.TraceGrain.Messages.Count > 0);

        var message = host.TraceGrain.Messages[0];
        Assert.Equal(("", "INVITE", 40, "missing_header", TraceDirection.Received), (message.Text, message.Method, message.Length, message.Fault, message.Direction));
    }

    [Fact]
    public async Task A_call_that_goes_on_is_traced_by_its_name_and_no_other_is()
    {
        await using var host = await Started();
        await using var phone = Phone.Udp(host.Udp);
        await using var other = Phone.Udp(host.Udp);
        var tag = await Begin(phone);
        var call = host.Calls.First();
        await Begin(other);
        await Trace(host, Order(new TraceFilter { Call = call.Value }));
        await EdgeHost.Until(() => host.Tap.Names.Knows(phone.CallId));
        await other.Request("OPTIONS", 2);
        await other.FinalOf("OPTIONS");
        await phone.Request("BYE", 3, tag);
        await HasMethod(host, "BYE");

        Assert.Equal(["BYE", "SIP/2.0"], host.TraceGrain.Messages.Select(message => message.Text.Split(' ')[0]));
        Assert.All(host.TraceGrain.Messages, message => Assert.Equal(call.Value, message.Call));
    }

    [Fact]
    public async Task It_ends_when_the_grain_wants_no_more()
    {
        await using var host = await Started();
        host.TraceGrain.GoesOn = false;
        await Trace(host, Order());
        Assert.Single(host.Tap.Watches!);
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request("OPTIONS", 1);

        await EdgeHost.Until(() => host.Tap.Watches is null);
    }

    [Fact]
    public async Task It_ends_with_its_time_and_when_an_order_does_not_name_it_any_more()
    {
        await using var host = await Started();
        await host.Grain.Observer!.Trace(Order(left: TimeSpan.FromMilliseconds(50)));
        await EdgeHost.Until(() => host.Tap.Watches is null);

        await host.Grain.Observer!.Trace([.. Order(id: "t1"), .. Order(id: "t2")]);
        await host.Grain.Observer!.Trace(Order(id: "t2"));
        Assert.Equal("t2", Assert.Single(host.Tap.Watches!).Id);
        await host.Grain.Observer!.Trace([]);
        Assert.Null(host.Tap.Watches);
    }

    [Fact]
    public async Task An_edge_that_was_not_told_begins_with_the_answer_to_its_report_and_that_answer_ends_no_young_trace()
    {
        await using var host = await Started();
        var since = System.Diagnostics.Stopwatch.StartNew();
        await host.Grain.Observer!.Trace(Order(id: "young"));
        host.Grain.Traces = Order(id: "t2");

        await EdgeHost.Until(() => host.Tap.Watches?.Any(watch => watch.Id == "t2") == true);
        // On a machine that is very slow it is not young any more.
        var watches = host.Tap.Watches!;
        if (since.Elapsed < TimeSpan.FromSeconds(5)) Assert.Contains(watches, watch => watch.Id == "young");
    }

    [Fact]
    public async Task While_the_signalling_thread_is_behind_messages_are_published_without_the_name_of_their_call_and_forgotten()
    {
        await using var host = await Started();
        var (time, tap) = (new FakeTimeProvider(), new SipTap(TimeProvider.System));
        using var tracer = new CallTracer(host.Service<EdgeOptions>(), tap, host.Transports, host.Loop, host.Service<EdgeToken>(), host.Service<IGrainFactory>(), time, NullLogger<CallTracer>.Instance);
        using var behind = new ManualResetEventSlim();
        host.Loop.Post(new LoopInput(LoopInputKind.Run, (Action<long>)(_ => behind.Wait())));
        var message = new TappedMessage(Samples.Request("INVITE"))
        {
            At = DateTimeOffset.UtcNow,
            Kind = TapKind.Received,
            Transport = SipTransport.Udp,
            Remote = IPEndPoint.Parse("192.0.2.7:5060"),
            SipCallId = "unknown",
        };
        try
        {
            tracer.Set(Order(left: TimeSpan.FromDays(1)));
            tap.Buffer.Add(message);
            await EdgeHost.Until(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return host.TraceGrain.Messages.Count > 0;
            });
        }
        finally
        {
            behind.Set();
        }
        await tracer.Stop();

        Assert.StartsWith("INVITE", host.TraceGrain.Messages[0].Text, StringComparison.Ordinal);
        Assert.All(message.Bytes, value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task What_could_not_be_published_is_counted_in_the_next_batch()
    {
        await using var host = await Started();
        host.TraceGrain.Fails = true;
        await Trace(host, Order());
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request("OPTIONS", 1);
        await phone.Final();
        await EdgeHost.Until(() => host.TraceGrain.Failed > 0);
        host.TraceGrain.Fails = false;
        await phone.Request("OPTIONS", 2);
        await phone.Final();

        await EdgeHost.Until(() => host.TraceGrain.Messages.Count + host.TraceGrain.Dropped == 4);
        Assert.InRange(host.TraceGrain.Dropped, 1, 3);
    }
}
