using IvrActors.Silo.Tracing;
using Xunit;
using static IvrActors.Silo.Tests.Tracing.TraceSamples;

namespace IvrActors.Silo.Tests.Tracing;

/// <summary>The diagram that <c>ivr trace</c> prints.</summary>
public sealed class LadderTests
{
    private static string Draw(Ladder ladder, params ShownMessage[] messages) => "\n" + string.Join('\n', messages.SelectMany(ladder.Draw));

    [Fact]
    public void A_call_is_a_column_for_each_end_and_an_arrow_for_each_message()
    {
        const string sdp = "application/sdp";
        Assert.Equal("""

            #1 call-1, trunk carrier, Call-ID c1@h

                                         192.0.2.7:5060                        edge-1
                                             carrier                         192.0.2.10
                                                |                                 |
            19:13:05.703   +0.000    #1         |---------- INVITE (sdp) -------->|  UDP 1 INVITE
            19:13:05.705   +0.002    #1         |<---------- 100 Trying ----------|  UDP 1 INVITE
            19:13:06.203   +0.498    #1         |<--------- 200 OK (sdp) ---------|  UDP 1 INVITE
            19:13:06.213   +0.010    #1         |-------------- ACK ------------->|  UDP 1 ACK
            19:13:10.703   +4.490    #1         |----------- INFO (key) --------->|  UDP 2 INFO
            19:13:11.703   +1.000    #1         |<------------ REFER -------------|  UDP 1 REFER
            19:13:12.703   +1.000    #1         |-------- NOTIFY (200 OK) ------->|  UDP 3 NOTIFY
            19:13:13.203   +0.500    #1         |-------- NOTIFY (200 OK) ------->|  UDP 3 NOTIFY again
            19:16:25.703  >99.9 s    #1         |-------------- BYE ------------->|  UDP 4 BYE
            """, Draw(new Ladder(200, colours: false),
            Message(Request("INVITE", body: "v=0\r\n", type: sdp)),
            Message(Answer(100, "Trying", "INVITE"), sent: true, after: 0.002),
            Message(Answer(200, "OK", "INVITE", body: "v=0\r\n", type: sdp), sent: true, after: 0.5),
            Message(Request("ACK"), after: 0.51),
            Message(Request("INFO", 2, body: "Signal=x\r\n", type: "application/dtmf-relay"), after: 5),
            Message(Request("REFER", 1), sent: true, after: 6),
            Message(Request("NOTIFY", 3, body: "SIP/2.0 200 OK\r\n", type: "message/sipfrag"), after: 7),
            Message(Request("NOTIFY", 3, body: "SIP/2.0 200 OK\r\n", type: "message/sipfrag"), after: 7.5),
            Message(Request("BYE", 4), after: 200)));
    }

    [Fact]
    public void A_bridged_call_gets_a_column_to_the_right_and_another_number()
    {
        var text = Draw(new Ladder(200, colours: false), Message(Request("INVITE")), Message(Request("INVITE", callId: "c2@h"), sent: true, remote: "203.0.113.9:5061", trunk: "agents", after: 1));

        Assert.Contains("#2 call-1, trunk agents, Call-ID c2@h", text, StringComparison.Ordinal);
        Assert.Matches(@"192\.0\.2\.7:5060 +edge-1 +203\.0\.113\.9:5061\n", text);
        Assert.Matches(@"#2 +\| +\|-+ INVITE -+>\|  UDP 1 INVITE", text);
    }

    [Fact]
    public void When_no_more_columns_fit_the_drawing_begins_anew_with_who_speaks()
    {
        var ladder = new Ladder(110, colours: false);
        Draw(ladder, Message(Request("INVITE")));
        var text = Draw(ladder, Message(Request("INVITE", callId: "c2@h"), remote: "203.0.113.9:5061"));

        Assert.Matches(@"203\.0\.113\.9:5061 +edge-1\n", text);
        Assert.DoesNotContain("192.0.2.7", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_listened_to_ends_in_an_x_and_what_is_malformed_says_so()
    {
        var text = Draw(new Ladder(200, colours: false),
            Message("", method: "INVITE", fault: "missing_header"),
            Message(Request("OPTIONS"), ignored: true, remote: "198.51.100.9:5060", call: "", trunk: "", after: 1));

        Assert.Matches(@"\|-+ malformed INVITE -+>\|  UDP 40 B, missing_header\n", text);
        Assert.Contains("not listened to", text, StringComparison.Ordinal);
        Assert.Matches(@"\|x-+ OPTIONS -+\||\|-+ OPTIONS -+x\|", text);
    }

    [Fact]
    public void Nothing_in_a_message_gives_orders_to_the_terminal()
    {
        var text = Draw(new Ladder(200, colours: false), Message("\e[2J" + Request("INVITE"), call: "call\e]0;a\a", trunk: "t\u009b", edge: "e\r\nx"));

        Assert.All(text, c => Assert.True(c is '\n' or (>= ' ' and <= '~'), $"{(int)c}"));
        Assert.Contains('\e', Draw(new Ladder(200, colours: true), Message(Answer(486, "Busy Here", "INVITE"))));
    }
}
