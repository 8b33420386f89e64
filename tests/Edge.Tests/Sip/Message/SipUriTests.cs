using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipUriTests
{
    [Fact]
    public void All_parts_of_a_uri_are_read()
    {
        var uri = Parse("SIPS:al%69ce;day=1:secret@[2001:db8::10]:5070;transport=TCP;lr?subject=a%20b&to=x");

        Assert.Equal(("sips", "alice;day=1", "[2001:db8::10]", 5070), (uri.Scheme, uri.User, uri.Host, uri.Port));
        Assert.Equal("TCP", uri.Parameters["Transport"]);
        Assert.Equal("", uri.Parameters["lr"]);
        Assert.Null(uri.Parameters["maddr"]);
        Assert.Equal("subject=a%20b&to=x", uri.Headers);
        Assert.Equal("SIPS:al%69ce;day=1:secret@[2001:db8::10]:5070;transport=TCP;lr?subject=a%20b&to=x", uri.ToString());
    }

    [Fact]
    public void Another_scheme_keeps_its_opaque_part()
    {
        var uri = Parse("tel:+15551234567;phone-context=x");
        Assert.Equal((false, "tel", "+15551234567;phone-context=x"), (uri.IsSip, uri.Scheme, uri.Opaque));
    }

    /// <summary>The equivalent pairs of RFC 3261 19.1.4.</summary>
    [Theory]
    [InlineData("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp")]
    [InlineData("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5")]
    [InlineData("sip:carol@chicago.com", "sip:carol@chicago.com;security=on")]
    [InlineData("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com")]
    [InlineData("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x")]
    public void Equivalent_uris_are_equal(string first, string second)
    {
        Assert.Equal(Parse(first), Parse(second));
        Assert.Equal(Parse(first).GetHashCode(), Parse(second).GetHashCode());
    }

    /// <summary>The different pairs of RFC 3261 19.1.4.</summary>
    [Theory]
    [InlineData("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP")]
    [InlineData("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060")]
    [InlineData("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp")]
    [InlineData("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp")]
    [InlineData("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting")]
    [InlineData("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4")]
    [InlineData("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off")]
    [InlineData("sip:carol@chicago.com", "sips:carol@chicago.com")]
    public void Different_uris_are_not_equal(string first, string second) => Assert.NotEqual(Parse(first), Parse(second));

    [Theory]
    [InlineData("")]
    [InlineData("sip:")]
    [InlineData(":a@b")]
    [InlineData("1sip:a@b")]
    [InlineData("sip:a@")]
    [InlineData("sip:a b@c")]
    [InlineData("sip:a@b c")]
    [InlineData("sip:a@b@c")]
    [InlineData("sip:a@b:")]
    [InlineData("sip:a@b:5060x")]
    [InlineData("sip:a@b:070000")]
    [InlineData("sip:a@b;")]
    [InlineData("sip:a@b;x=1;X=2")]
    [InlineData("sip:a@b?")]
    [InlineData("sip:a@b?x")]
    [InlineData("sip:a%@b")]
    [InlineData("sip:a%zz@b")]
    [InlineData("sip:a@-b")]
    [InlineData("sip:a@b-.c")]
    [InlineData("sip:a@[b]")]
    [InlineData("sip:a@[::1%1]")]
    [InlineData("sip:a@[127.0.0.1]")]
    [InlineData("sip:a@.1")]
    [InlineData("sip:a@.1.2.3.4")]
    [InlineData("sip:a@1.2.3.4000")]
    [InlineData("sip:a@127.0.0.001")]
    [InlineData("sip:a@010.0.0.1")]
    [InlineData("tel:")]
    [InlineData("http://a b")]
    public void A_malformed_uri_is_refused(string text) => Assert.False(SipUri.TryParse(text, out _));

    private static SipUri Parse(string text)
    {
        Assert.True(SipUri.TryParse(text, out var uri), text);
        return uri;
    }
}
