using System.Net;
using IvrActors.Edge.Stir;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>Where a URL that a stranger wrote may lead.</summary>
public sealed class FetchRulesTests
{
    [Theory]
    [InlineData("https://cert.example.net/a.pem")]
    [InlineData("https://cert.example.net:8443/a.pem?x=1")]
    [InlineData("HTTPS://CERT.example.net/")]
    public void An_https_url_may_be_fetched(string url) => Assert.NotNull(FetchRules.UrlOf(url));

    [Theory]
    [InlineData("http://cert.example.net/a.pem")]
    [InlineData("ftp://cert.example.net/a.pem")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://user@cert.example.net/")]
    [InlineData("https://user:password@cert.example.net/")]
    [InlineData("https://cert.example.net/#a")]
    [InlineData("https:///a")]
    [InlineData("/a.pem")]
    [InlineData("")]
    public void Another_is_not(string url) => Assert.Null(FetchRules.UrlOf(url));

    [Fact]
    public void Nor_is_one_above_the_bound() => Assert.Null(FetchRules.UrlOf("https://cert.example.net/" + new string('a', StirLimits.UriLength)));

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("::7f00:1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("3fff::1")]
    [InlineData("5f00::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void A_private_or_special_address_is_never_asked(string address) => Assert.False(FetchRules.Allows(IPAddress.Parse(address), 443, []));

    [Theory]
    [InlineData("8.8.8.8", 443, true)]
    [InlineData("172.32.0.1", 8443, true)]
    [InlineData("2606:4700::1", 443, true)]
    [InlineData("2a00:1450::1", 443, true)]
    [InlineData("8.8.8.8", 22, false)]
    [InlineData("2606:4700::1", 8080, false)]
    public void A_public_one_is_at_the_ports_of_shaken(string address, int port, bool expected) => Assert.Equal(expected, FetchRules.Allows(IPAddress.Parse(address), port, []));

    [Fact]
    public void A_network_that_configuration_names_is_asked_at_any_port()
    {
        IPNetwork[] trusted = [IPNetwork.Parse("10.1.0.0/16")];
        Assert.True(FetchRules.Allows(IPAddress.Parse("10.1.2.3"), 9443, trusted));
        Assert.False(FetchRules.Allows(IPAddress.Parse("10.2.2.3"), 443, trusted));
        Assert.False(FetchRules.Allows(IPAddress.Parse("::ffff:10.1.2.3"), 443, trusted));
    }
}
