using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipResponsesTests
{
    private const string Routed = "Record-Route: <sip:p1;lr>\r\nVia: SIP/2.0/UDP second\r\nTimestamp: 54\r\nSubject: x\r\n";

    [Fact]
    public void A_response_copies_what_the_rfc_names_in_order()
    {
        var response = SipResponses.For(Invite(), 200, "t9");

        Assert.Equal(["Via", "From", "To", "Call-ID", "CSeq", "Record-Route", "Via", "Timestamp"], response.Headers.Select(h => h.Key));
        Assert.Equal("t9", response.To.Tag);
        Assert.Equal("second", response.Vias[1].Host);
        Assert.Equal("OK", response.Reason);
        Assert.Equal(SipRejection.None, SipParser.Parse(SipWriter.ToBytes(response)).Rejection);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(486)]
    public void A_response_that_forms_no_dialog_has_no_record_route(int status) =>
        Assert.False(SipResponses.For(Invite(), status, "t9").Headers.Contains("Record-Route"));

    [Fact]
    public void A_100_gets_no_tag() => Assert.Null(SipResponses.For(Invite(), 100, "t9").To.Tag);

    [Fact]
    public void A_tag_that_is_there_stays()
    {
        var request = Assert.IsType<SipRequest>(SipParser.Parse(Samples.InviteWith(Samples.To, "To: sip:bank@x;tag=mine\r\n")).Message);
        Assert.Equal("mine", SipResponses.For(request, 200, "t9").To.Tag);
    }

    [Fact]
    public void A_request_without_to_is_answered_without_to()
    {
        var answerable = SipParser.Parse(Vectors.Read("rfc4475", "TC_INSUF_I.dat")).Answerable;
        Assert.Equal(["Via", "CSeq"], SipResponses.For(Assert.IsType<SipRequest>(answerable), 400, "t9").Headers.Select(h => h.Key).Order().Reverse());
    }

    [Fact]
    public void A_request_with_repeated_headers_is_answered_with_the_first_of_each()
    {
        var answerable = Assert.IsType<SipRequest>(SipParser.Parse(Vectors.Read("rfc4475", "TC_MULTI01_I.dat")).Answerable);
        var response = SipResponses.For(answerable, 400, "t9");

        Assert.Equal(SipRejection.None, SipParser.Parse(SipWriter.ToBytes(response)).Rejection);
        Assert.Equal("t9", response.To.Tag);
    }

    private static SipRequest Invite() => Assert.IsType<SipRequest>(SipParser.Parse(Samples.Request("INVITE", Routed)).Message);
}
