using IvrActors.Edge.Net.Tls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>RFC 5922 7.1 and 7.2, rule by rule.</summary>
public sealed class SipIdentityTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    private IReadOnlyList<string> Of(string commonName = "cn.example", string[]? uris = null, string[]? dnsNames = null)
    {
        using var certificate = _authority.Issue(commonName, uris, dnsNames);
        return SipIdentity.IdentitiesOf(certificate);
    }

    private bool Matches(string domain, string[]? uris = null, string[]? dnsNames = null, string commonName = "cn.example")
    {
        using var certificate = _authority.Issue(commonName, uris, dnsNames);
        return SipIdentity.Matches(certificate, domain);
    }

    [Fact]
    public void The_hosts_of_sip_uris_are_the_identities_and_dns_names_beside_them_are_not() =>
        Assert.Equal(["example.com", "example.net"], Of(uris: ["sip:example.com", "sip:example.net"], dnsNames: ["other.example"]));

    [Fact]
    public void A_uri_with_a_user_part_is_no_domain()
    {
        Assert.Equal([], Of(uris: ["sip:alice@example.com"]));
        Assert.Equal(["dns.example"], Of(uris: ["sip:alice@example.com"], dnsNames: ["dns.example"]));
    }

    [Fact]
    public void Uris_of_other_schemes_and_of_more_than_a_host_are_no_domains() =>
        Assert.Equal(["dns.example"], Of(uris: ["https://example.com", "sips:example.com", "sip:example.com:5061", "sip:example.com;transport=tls"], dnsNames: ["dns.example"]));

    [Fact]
    public void Dns_names_count_when_no_uri_is_a_domain() => Assert.Equal(["a.example", "b.example"], Of(dnsNames: ["a.example", "b.example"]));

    [Fact]
    public void The_common_name_counts_only_without_alternative_names()
    {
        Assert.Equal(["cn.example"], Of());
        Assert.Equal([], Of(uris: [], dnsNames: []));
        Assert.DoesNotContain("cn.example", Of(dnsNames: ["a.example"]));
    }

    [Fact]
    public void A_wildcard_matches_nothing_not_even_itself()
    {
        Assert.False(Matches("sip.example.com", dnsNames: ["*.example.com"]));
        Assert.False(Matches("*.example.com", dnsNames: ["*.example.com"]));
        Assert.False(Matches("sip.example.com", commonName: "*.example.com"));
        Assert.False(Matches("sip.example.com", uris: ["sip:*.example.com"], dnsNames: ["*.example.com"]));
    }

    [Fact]
    public void Case_does_not_matter_and_a_part_of_a_name_is_not_the_name()
    {
        Assert.True(Matches("EXAMPLE.com", uris: ["sip:Example.COM"]));
        Assert.False(Matches("example.com", dnsNames: ["sip.example.com"]));
        Assert.False(Matches("sip.example.com", dnsNames: ["example.com"]));
    }

    [Fact]
    public void International_names_are_compared_as_they_stand()
    {
        Assert.True(Matches("xn--bcher-kva.example", dnsNames: ["xn--bcher-kva.example"]));
        Assert.False(Matches("bücher.example", dnsNames: ["xn--bcher-kva.example"]));
    }
}
