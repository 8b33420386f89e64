using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class CallingPartyTests
{
    [Theory]
    [InlineData("<sip:+49-30(12).3456@h>", "", false, "+4930123456")]
    [InlineData("<sip:alice@h>", "", false, null)]
    [InlineData("<tel:+4930123456;phone-context=x>", "", false, "+4930123456")]
    [InlineData("<sip:111@h>", "P-Asserted-Identity: <sip:+4930999@h>, <tel:+4930888>\r\n", true, "+4930999")]
    [InlineData("<sip:111@h>", "P-Asserted-Identity: <sip:+4930999@h>\r\n", false, "111")]
    [InlineData("<sip:111111111111111111111111111@h>", "", false, null)]
    [InlineData("<sip:+@h>", "", false, null)]
    public void The_calling_number_comes_from_the_identity_that_the_trunk_is_trusted_with(string from, string extra, bool trusted, string? expected)
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "x", From = [IPNetwork.Parse("127.0.0.0/8")], TrustsCallerIdentity = trusted };
        var text = $"INVITE sip:bank@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\nTo: <sip:bank@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\n{extra}Content-Length: 0\r\n\r\n";
        var invite = (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message!;
        Assert.Equal(expected, CallingParty.Calling(invite, trunk)?.Reveal());
        Assert.Equal("bank", CallingParty.Called(invite));
    }
}
