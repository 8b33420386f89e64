using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Transactions;

public class InviteMarksTests
{
    private readonly InviteMarks _marks = new(new byte[32]);

    private static SipRequest Parsed(byte[] bytes) => Assert.IsType<SipRequest>(SipParser.Parse(bytes).Message);

    private static SipRequest Ack(string tag) =>
        Parsed(Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(Samples.Request("ACK")).Replace("To: <sip:bank@127.0.0.1>", "To: <sip:bank@127.0.0.1>;tag=" + tag, StringComparison.Ordinal)));

    [Fact]
    public void A_repeated_request_gets_the_same_tag_and_another_one_does_not()
    {
        var tag = _marks.TagOf(Parsed(Samples.Request("INVITE")));
        Assert.Equal(24, tag.Length);
        Assert.Equal(tag, _marks.TagOf(Parsed(Samples.Request("INVITE", "X-Later: yes\r\n"))));
        Assert.NotEqual(tag, _marks.TagOf(Parsed(Samples.InviteWith("branch=z9hG4bK-524287-1", "branch=z9hG4bK-524287-2"))));
        Assert.NotEqual(tag, _marks.TagOf(Parsed(Samples.InviteWith("Call-ID: 1-5@", "Call-ID: 1-6@"))));
        Assert.NotEqual(tag, _marks.TagOf(Parsed(Samples.InviteWith("CSeq: 7 INVITE", "CSeq: 8 INVITE"))));
        Assert.NotEqual(tag, _marks.TagOf(Parsed(Samples.InviteWith(";tag=f1", ";tag=f2"))));
    }

    [Fact]
    public void The_marks_of_another_process_are_others()
    {
        var invite = Parsed(Samples.Request("INVITE"));
        Assert.NotEqual(_marks.TagOf(invite), new InviteMarks([.. new byte[31], 1]).TagOf(invite));
    }

    [Fact]
    public void The_ack_of_such_an_answer_is_known_by_its_tag_and_a_guessed_one_is_not()
    {
        var tag = _marks.TagOf(Parsed(Samples.Request("INVITE")));
        Assert.True(_marks.IsAcknowledged(Ack(tag)));
        Assert.False(_marks.IsAcknowledged(Ack(new string('0', 24))));
        Assert.False(_marks.IsAcknowledged(Ack("x")));
        Assert.False(_marks.IsAcknowledged(Parsed(Samples.Request("ACK"))));
        Assert.False(_marks.IsAcknowledged(Parsed(Samples.Request("INVITE"))));
    }

    [Fact]
    public void Texts_are_told_apart_at_their_ends()
    {
        Assert.NotEqual(_marks.NumberOf("ab", "c", 0), _marks.NumberOf("a", "bc", 0));
        Assert.NotEqual(_marks.NumberOf("a", "b", 1), _marks.NumberOf("a", "b", 2));
        Assert.Equal(_marks.NumberOf("a", "b", 1), _marks.NumberOf("a", "b", 1));
    }
}
