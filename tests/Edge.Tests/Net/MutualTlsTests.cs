using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Trunks that are known by their certificate (RFC 5922), over real sockets.</summary>
public sealed class MutualTlsTests : IDisposable
{
    private const string Anywhere = "127.0.40.1";

    private readonly TestAuthority _authority = new();
    private readonly string _file = Path.GetTempFileName();

    public MutualTlsTests() => File.WriteAllText(_file, _authority.Pem);

    public void Dispose()
    {
        File.Delete(_file);
        _authority.Dispose();
    }

    private EdgeTrunk Carrier(params string[] from) => new()
    {
        Name = "carrier",
        Tenant = "demo",
        From = [.. from.Select(network => IPNetwork.Parse(network))],
        Tls = new TrunkTls { Identities = ["carrier.example"], AuthorityFile = _file },
    };

    private static async Task<string?> TrunkOfCallFrom(EdgeHost host, string address, X509Certificate2? certificate)
    {
        try
        {
            await using var phone = await Phone.Stream(host.Tls, tls: true, address, certificate);
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            Assert.Equal(200, (await phone.Final()).Status);
            return host.Events.OfType<CallOffered>().Last().Trunk;
        }
        catch (Exception e) when (e is IOException or AuthenticationException or EndOfStreamException)
        {
            return null;
        }
    }

    [Fact]
    [Clause("26.3.1", "a registrar speaks TLS with one certificate and with two")]
    public async Task A_trunk_is_known_by_its_certificate_wherever_it_comes_from()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier()]);
        using var certificate = _authority.Issue(uris: ["sip:carrier.example"]);
        Assert.Equal("carrier", await TrunkOfCallFrom(host, Anywhere, certificate));
    }

    [Fact]
    public async Task Without_a_certificate_a_stranger_gets_nothing_and_a_trunk_known_by_address_is_served()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier()]);
        Assert.Null(await TrunkOfCallFrom(host, Anywhere, null));
        Assert.Equal("test", await TrunkOfCallFrom(host, "127.0.31.1", null));
        await EdgeHost.Until(() => host.Connections == 0 && host.Admitted == 0);
    }

    [Fact]
    public async Task A_certificate_of_nobodys_domain_is_as_good_as_none()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier()]);
        using var certificate = _authority.Issue(uris: ["sip:somebody.example"]);
        Assert.Null(await TrunkOfCallFrom(host, Anywhere, certificate));
        Assert.Equal("test", await TrunkOfCallFrom(host, "127.0.31.1", certificate));
    }

    [Fact]
    public async Task A_certificate_that_claims_a_trunks_domain_and_was_signed_by_others_ends_the_handshake_also_of_a_known_address()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier()]);
        using var impostors = new TestAuthority();
        using var certificate = impostors.Issue(uris: ["sip:carrier.example"]);
        Assert.Null(await TrunkOfCallFrom(host, Anywhere, certificate));
        Assert.Null(await TrunkOfCallFrom(host, "127.0.31.1", certificate));
        Assert.Empty(host.Events);
    }

    [Fact]
    public async Task A_wildcard_certificate_is_no_trunks()
    {
        await using var host = await EdgeHost.Start(trunks: [new EdgeTrunk { Name = "carrier", Tenant = "demo", Tls = new TrunkTls { Identities = ["sip.carrier.example"], AuthorityFile = _file } }]);
        using var certificate = _authority.Issue(dnsNames: ["*.carrier.example"]);
        Assert.Null(await TrunkOfCallFrom(host, Anywhere, certificate));
    }

    [Fact]
    public async Task A_trunk_with_addresses_and_a_certificate_needs_both()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier("127.0.41.0/24")]);
        using var certificate = _authority.Issue(uris: ["sip:carrier.example"]);
        Assert.Equal("carrier", await TrunkOfCallFrom(host, "127.0.41.1", certificate));
        Assert.Null(await TrunkOfCallFrom(host, "127.0.41.1", null));
        Assert.Null(await TrunkOfCallFrom(host, Anywhere, certificate));
    }

    [Fact]
    public async Task The_certificate_decides_where_addresses_of_two_trunks_overlap()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier("127.0.31.0/24")]);
        using var certificate = _authority.Issue(uris: ["sip:carrier.example"]);
        Assert.Equal("carrier", await TrunkOfCallFrom(host, "127.0.31.1", certificate));
        Assert.Equal("test", await TrunkOfCallFrom(host, "127.0.31.1", null));
    }

    [Fact]
    public async Task Over_tcp_and_udp_a_trunk_that_is_known_by_its_certificate_gets_nothing()
    {
        await using var host = await EdgeHost.Start(trunks: [Carrier()]);
        await using var stream = await Phone.Stream(host.Tcp, tls: false, Anywhere);
        Assert.Equal("", await stream.ReadToEnd());
        await using var stranger = Phone.Udp(host.Udp, Anywhere);
        await using var friend = Phone.Udp(host.Udp);
        await stranger.Request("OPTIONS", 1);
        await friend.Request("OPTIONS", 1);
        Assert.Equal(200, (await friend.Final()).Status);
        Assert.Equal(0, stranger.Available);
    }
}
