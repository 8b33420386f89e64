using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Grains.Tracing;
using Xunit;

namespace IvrActors.Grains.Tests.Tracing;

/// <summary>What may be traced, and when a trace is over: rules without a grain or a clock.</summary>
public sealed class TraceRulesTests
{
    private static readonly TraceRequest s_request = Request(new TraceFilter());

    internal static TraceRequest Request(TraceFilter filter, double seconds = 300, int messages = 1000) =>
        new() { Filter = filter, Lasting = TimeSpan.FromSeconds(seconds), MostMessages = messages };

    internal static TracedMessage Message(string text = "OPTIONS sip:h SIP/2.0\r\n\r\n") => new()
    {
        Edge = "e1",
        At = DateTimeOffset.UnixEpoch,
        Direction = TraceDirection.Sent,
        Transport = "UDP",
        Local = "192.0.2.1:5060",
        Remote = "192.0.2.7:5060",
        Trunk = "t",
        Call = "",
        Text = text,
        Length = text.Length,
        Method = "",
        Fault = "",
    };

    [Theory]
    [InlineData(299, 14, 999, TraceEnd.None)]
    [InlineData(300, 14, 999, TraceEnd.TimeOver)]
    [InlineData(299, 16, 999, TraceEnd.NobodyReads)]
    [InlineData(299, 14, 1000, TraceEnd.Enough)]
    [InlineData(300, 16, 1000, TraceEnd.NobodyReads)]
    public void A_trace_ends_with_its_time_with_enough_messages_and_when_nobody_reads(int age, int silence, int shown, TraceEnd end) =>
        Assert.Equal(end, TraceRules.EndOf(s_request, TimeSpan.FromSeconds(age), TimeSpan.FromSeconds(silence), shown));

    [Theory]
    [InlineData(300, 1000, true)]
    [InlineData(3600, 100_000, true)]
    [InlineData(0, 1000, false)]
    [InlineData(3601, 1000, false)]
    [InlineData(300, 0, false)]
    [InlineData(300, 100_001, false)]
    public void Time_and_messages_are_bounded(double seconds, int messages, bool allowed) => Assert.Equal(allowed, TraceRules.MayBeAsked(Request(new TraceFilter(), seconds, messages)));

    [Fact]
    public void A_filter_is_a_plain_text_and_a_source_an_address_or_a_network()
    {
        Assert.True(TraceRules.MayBeAsked(Request(new TraceFilter { SipCallId = "1-5@h", Trunk = "carrier", Source = "192.0.2.0/24", Call = "call-1" })));
        Assert.True(TraceRules.MayBeAsked(Request(new TraceFilter { Source = "2001:db8::1" })));
        foreach (var filter in new TraceFilter[]
                 {
                     new() { SipCallId = "" }, new() { SipCallId = new string('a', 257) }, new() { SipCallId = "a\r\nb" }, new() { Trunk = "a b" }, new() { Call = "é" }, new() { Source = "host.example" },
                     new() { Source = "" },
                 })
        {
            Assert.False(TraceRules.MayBeAsked(Request(filter)));
        }
    }

    [Fact]
    public void The_record_names_what_is_traced_but_no_number()
    {
        Assert.Equal("all for 300 s, 1000 messages", TraceRules.Describe(s_request));
        Assert.Equal("call-id 7-xxxxxxxxxxx-12345@192.0.2.7, trunk carrier, source 192.0.2.0/24, call call-1 for 60 s, 5 messages", TraceRules.Describe(
            Request(new TraceFilter { SipCallId = "7-12125550123-12345@192.0.2.7", Trunk = "carrier", Source = "192.0.2.0/24", Call = "call-1" }, 60, 5)));
    }

    [Fact]
    public void What_waits_for_the_reader_is_bounded_and_the_oldest_give_way()
    {
        var buffer = new TraceBuffer();
        buffer.Add(Enumerable.Range(0, TraceRules.MostWaiting + 7).Select(i => Message($"{i}")), lostBefore: 3);
        Assert.Equal((TraceRules.MostWaiting + 7, 10), (buffer.Total, buffer.Dropped));
        Assert.Equal("7", buffer.Take()[0].Text);

        var large = new TraceBuffer();
        large.Add(Enumerable.Repeat(Message(new string('x', TraceRules.MostText)), 200), lostBefore: -5);
        Assert.Equal(200 - (TraceRules.MostWaitingCharacters / TraceRules.MostText), large.Dropped);
        large.Add([Message(new string('x', TraceRules.MostText + 1))], 0);
        Assert.Equal(200 - (TraceRules.MostWaitingCharacters / TraceRules.MostText) + 1, large.Dropped);
    }

    [Fact]
    public void All_that_waits_is_read_once_in_order_and_in_parts()
    {
        var buffer = new TraceBuffer();
        buffer.Add(Enumerable.Range(0, TraceRules.MostRead + 1).Select(i => Message($"{i}")), 0);
        Assert.Equal(Enumerable.Range(0, TraceRules.MostRead).Select(i => $"{i}"), buffer.Take().Select(message => message.Text));
        Assert.False(buffer.IsEmpty);
        Assert.Equal([$"{TraceRules.MostRead}"], buffer.Take().Select(message => message.Text));
        Assert.True(buffer.IsEmpty);
    }
}
