using System.Net;
using System.Text;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tests.Net;
using IvrActors.Edge.Tests.Sip.Message;
using IvrActors.Edge.Tracing;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Tracing;

/// <summary>What the tap takes, and that it takes nothing when nobody traces and never more than its bound.</summary>
public class TapTests
{
    private static readonly SipPeer s_peer = new(SipTransport.Udp, IPEndPoint.Parse("192.0.2.7:5062"), 0, VirtualCall.Trunk);

    private readonly SipTap _tap = new(new FakeTimeProvider());

    private static TraceWatch Watch(TraceFilter filter) => TraceWatch.Of("t1", filter) ?? throw new InvalidOperationException("the filter cannot be read");

    private void Receive(SipPeer? peer = null)
    {
        var bytes = Samples.Request("INVITE");
        _tap.Received(bytes, SipParser.Parse(bytes).Message, peer ?? s_peer);
    }

    private static TapKind[] Kinds(SipTap tap) => [.. tap.Buffer.Take(100).Messages.Select(message => message.Kind)];

    [Fact]
    public void Nothing_is_kept_while_nobody_traces()
    {
        Receive();
        _tap.Sent(new SipSend(s_peer, Samples.Request("BYE"), "BYE"));
        _tap.NotListenedTo(Samples.Request("INVITE"), SourceAddress.Of(s_peer.EndPoint));

        Assert.Empty(Kinds(_tap));

        _tap.Watches = [Watch(new TraceFilter())];
        Receive();
        _tap.Watches = [];
        Receive();
        Assert.Single(Kinds(_tap));
    }

    [Fact]
    public void Looking_at_what_nobody_traces_allocates_nothing()
    {
        var bytes = Samples.Request("INVITE");
        var message = SipParser.Parse(bytes).Message!;
        _ = message.CallId;
        var send = new SipSend(s_peer, bytes, "INVITE");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            _tap.Received(bytes, message, s_peer);
            _tap.Sent(send);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(null, null, null, true)]
    [InlineData("1-5@127.0.0.1", null, null, true)]
    [InlineData("1-5@127.0.0.2", null, null, false)]
    [InlineData(null, "t", null, true)]
    [InlineData(null, "other", null, false)]
    [InlineData(null, null, "192.0.2.7", true)]
    [InlineData(null, null, "192.0.2.0/24", true)]
    [InlineData(null, null, "192.0.2.8", false)]
    [InlineData(null, null, "::/0", false)]
    [InlineData("1-5@127.0.0.1", "t", "192.0.2.7", true)]
    [InlineData("1-5@127.0.0.1", "other", "192.0.2.7", false)]
    public void A_message_is_taken_when_it_meets_all_that_is_asked_for(string? callId, string? trunk, string? source, bool taken)
    {
        _tap.Watches = [Watch(new TraceFilter { SipCallId = callId, Trunk = trunk, Source = source })];
        Receive();
        _tap.Sent(new SipSend(s_peer, SipWriter.ToBytes(SipParser.Parse(Samples.Request("BYE")).Message!), "BYE"));

        Assert.Equal(taken ? [TapKind.Received, TapKind.Sent] : [], Kinds(_tap));
    }

    [Theory]
    [InlineData("")]
    [InlineData("192.0.2.0/33")]
    [InlineData("host.example")]
    public void A_source_that_cannot_be_read_is_looked_for_nowhere(string source) => Assert.Null(TraceWatch.Of("t1", new TraceFilter { Source = source }));

    [Fact]
    public void A_call_is_known_by_the_dialogs_that_join_it()
    {
        _tap.Watches = [Watch(new TraceFilter { Call = "call-1" })];
        Receive();
        _tap.Joined("call-2", "1-5@127.0.0.1");
        Receive();
        Assert.Empty(Kinds(_tap));

        _tap.Joined("call-1", "1-5@127.0.0.1");
        Receive();
        Assert.Equal([TapKind.Received], Kinds(_tap));
    }

    [Fact]
    public void Strangers_are_shown_only_to_who_asks_for_their_address()
    {
        var stranger = SourceAddress.Of(IPEndPoint.Parse("198.51.100.9:5060"));
        _tap.Watches = [Watch(new TraceFilter()), Watch(new TraceFilter { Trunk = "t" }), Watch(new TraceFilter { Source = "198.51.100.8" })];
        _tap.NotListenedTo("junk"u8, stranger);
        Assert.Empty(Kinds(_tap));

        _tap.Watches = [Watch(new TraceFilter { Source = "198.51.100.0/24" })];
        _tap.NotListenedTo("junk"u8, stranger);
        Assert.Equal([TapKind.NotListenedTo], Kinds(_tap));
    }

    [Fact]
    public void What_was_refused_has_no_Call_ID_and_is_taken_by_trunk_or_source()
    {
        var bytes = "INVITE sip:x SIP/2.0\r\nCall-ID: 1-5@127.0.0.1\r\n\r\n"u8;
        _tap.Watches = [Watch(new TraceFilter { SipCallId = "1-5@127.0.0.1" })];
        _tap.Received(bytes, null, s_peer);
        Assert.Empty(Kinds(_tap));

        _tap.Watches = [Watch(new TraceFilter { Trunk = "t" })];
        _tap.Received(bytes, null, s_peer);
        Assert.Single(Kinds(_tap));
    }

    [Fact]
    public void The_oldest_give_way_zeroed_and_counted()
    {
        var buffer = new TapBuffer(mostMessages: 3, mostBytes: 100);
        TappedMessage Message(int length) => new(Enumerable.Repeat((byte)'4', length).ToArray()) { At = default, Kind = TapKind.Sent, Transport = SipTransport.Udp, Remote = s_peer.EndPoint };
        TappedMessage[] messages = [Message(10), Message(11), Message(12), Message(13)];
        foreach (var message in messages) buffer.Add(message);
        Assert.All(messages[0].Bytes, value => Assert.Equal(0, value));

        buffer.Add(Message(80));
        var (taken, dropped) = buffer.Take(2);
        Assert.Equal([13, 80], taken.ConvertAll(message => message.Bytes.Length));
        Assert.Equal(3, dropped);
        Assert.Equal((0, 0L), (buffer.Take(2).Messages.Count, buffer.Take(2).Dropped));
    }

    [Fact]
    public async Task Every_transport_is_tapped_in_both_directions_in_clear()
    {
        await using var host = await EdgeHost.Start(webSockets: true);
        host.Tap.Watches = [Watch(new TraceFilter())];
        await using (var phone = Phone.Udp(host.Udp)) await Options(phone);
        await using (var phone = await Phone.Stream(host.Tcp, tls: false)) await Options(phone);
        await using (var phone = await Phone.Stream(host.Tls, tls: true)) await Options(phone);
        foreach (var secure in new[] { false, true })
        {
            using var browser = await WebSocketTests.Browser(secure ? host.Wss : host.Ws, secure);
            await WebSocketTests.Send(browser, WebSocketTests.Request("OPTIONS", 1, "b", secure));
            await WebSocketTests.Receive(browser);
        }

        var taken = host.Tap.Buffer.Take(100).Messages;
        Assert.Equal(
            [.. Enum.GetValues<SipTransport>().SelectMany(transport => new[] { (transport, TapKind.Received, "OPTIONS "), (transport, TapKind.Sent, "SIP/2.0 ") })],
            taken.ConvertAll(message => (message.Transport, message.Kind, Encoding.ASCII.GetString(message.Bytes, 0, 8))));
        Assert.All(taken, message => Assert.Equal(("test", IPAddress.Parse("127.0.31.1")), (message.Trunk?.Name, message.Remote.Address)));
    }

    [Fact]
    public async Task A_datagram_of_a_stranger_is_tapped_for_who_asks_for_its_address()
    {
        await using var host = await EdgeHost.Start();
        host.Tap.Watches = [Watch(new TraceFilter { Source = "127.0.32.1" })];
        await using var stranger = Phone.Udp(host.Udp, "127.0.32.1");
        await stranger.Request("OPTIONS", 1);
        List<TappedMessage> taken = [];
        await EdgeHost.Until(() => (taken = host.Tap.Buffer.Take(1).Messages).Count == 1);

        Assert.Equal((TapKind.NotListenedTo, null), (taken[0].Kind, taken[0].Trunk));
    }

    private static async Task Options(Phone phone)
    {
        await phone.Request("OPTIONS", 1);
        await phone.Final();
    }
}
