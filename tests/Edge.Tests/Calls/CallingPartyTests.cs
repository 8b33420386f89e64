using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Policies;
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
        var invite = Invite(from, extra);
        Assert.Equal(expected, CallingParty.Calling(invite, trunk)?.Reveal());
        Assert.Equal("bank", CallingParty.Called(invite, trunk));
    }

    // Caller and called number of a German trunk → the same in E.164.
    [Theory]
    [InlineData("+493012345678", "+493012345678")]
    [InlineData("03012345678", "+493012345678")]
    [InlineData("004930-123.456(78)", "+493012345678")]
    [InlineData("493012345678", "+493012345678")]
    [InlineData("015123456789", "+4915123456789")]
    [InlineData("+4915123456789;ext=22", "+4915123456789")]
    [InlineData("0043512123456", "+43512123456")]
    [InlineData("+12125550123", "+12125550123")]
    [InlineData("08001234567", "+498001234567")]
    [InlineData("110", "110")]
    [InlineData("22", "22")]
    [InlineData("1234", "1234")]
    [InlineData("00", "00")]
    [InlineData("0000000000", "0000000000")]
    [InlineData("+999123456789", "+999123456789")]
    [InlineData("*21", null)]
    [InlineData("anonymous", null)]
    [InlineData("030CALLME", null)]
    [InlineData("012345678901234567890123", null)]
    public void Numbers_of_a_region_are_one_however_they_are_written(string number, string? expected)
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "x", Region = "DE" };
        Assert.Equal(expected, CallingParty.Calling(Invite($"<sip:{number}@h>"), trunk)?.Reveal());
        Assert.Equal(expected, CallingParty.Calling(Invite($"<tel:{number}>"), trunk)?.Reveal());
        Assert.Equal(expected ?? number, CallingParty.Called(Invite("<sip:a@h>", called: number), trunk));
    }

    [Theory]
    [InlineData("US", "2125550123", "+12125550123")]
    [InlineData("US", "011493012345678", "+493012345678")]
    [InlineData("IT", "0612345678", "+390612345678")]
    [InlineData("GB", "02079460018", "+442079460018")]
    [InlineData(null, "03012345678", "03012345678")]
    public void Each_country_writes_in_its_own_way(string? region, string number, string expected)
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "x", Region = region };
        Assert.Equal(expected, CallingParty.Calling(Invite($"<sip:{number}@h>"), trunk)?.Reveal());
        if (region is not null) Assert.True(NumberPlan.IsRegion(region));
    }

    [Theory, InlineData("XX"), InlineData("de"), InlineData("")]
    public void What_is_no_country_has_no_plan(string region) => Assert.False(NumberPlan.IsRegion(region));

    [Fact]
    public void No_text_makes_the_number_plan_throw()
    {
        foreach (var number in new[] { "", "+", "++", "0", "+0", "+00000000000000000000", "\0", "٣٠", new string('9', 300) }) Assert.Equal(number, NumberPlan.Normalise(number, "DE"));
    }

    private static SipRequest Invite(string from, string extra = "", string called = "bank")
    {
        var text = $"INVITE sip:{called}@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\nTo: <sip:bank@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\n{extra}Content-Length: 0\r\n\r\n";
        return (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message!;
    }
}
