using System.Net;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>RFC 3263 against a DNS server on loopback.</summary>
public sealed class DnsSipLocatorTests : IDisposable
{
    private readonly DnsServer _server = new();
    private readonly FakeTimeProvider _time = new();
    private readonly DnsSipLocator _locator;

    public DnsSipLocatorTests() => _locator = Locator();

    public void Dispose() => _server.Dispose();

    private DnsSipLocator Locator(IPAddress? second = null) => new(
        new EdgeOptions
        {
            Name = "edge",
            Address = IPAddress.Loopback,
            SecondAddress = second,
            DnsServers = [_server.EndPoint],
            Trunks = [],
            MessagesPerSource = new RateLimit(1, TimeSpan.FromSeconds(1), 1),
            PromptFolder = "",
            RenderedPromptFolder = "",
        },
        _time);

    private async Task<string[]> Locate(string uri, DnsSipLocator? locator = null)
    {
        Assert.True(SipUri.TryParse(uri, out var parsed));
        var found = await (locator ?? _locator).Locate(parsed, TestContext.Current.CancellationToken).WaitAsync(EdgeHost.Patience);
        return [.. found.Select(location => $"{location.Transport} {location.EndPoint}{(location.TlsHost is null ? "" : " " + location.TlsHost)}")];
    }

    [Fact]
    [Clause("8.1.2", "the destination is found by DNS (RFC 3263)")]
    public async Task Naptr_leads_to_srv_and_srv_to_addresses_and_the_certificate_must_be_for_the_domain_asked_for()
    {
        _server.Pointer("carrier.example", 20, 0, "SIP+D2U", "_sip._udp.carrier.example").Pointer("carrier.example", 10, 0, "SIPS+D2T", "_sips._tcp.carrier.example");
        _server.Service("_sips._tcp.carrier.example", 2, 0, 5071, "b.hosting.example").Service("_sips._tcp.carrier.example", 1, 0, 5061, "a.hosting.example");
        _server.Service("_sip._udp.carrier.example", 1, 0, 5060, "a.hosting.example");
        _server.Address("a.hosting.example", "192.0.2.1").Address("b.hosting.example", "192.0.2.2");
        Assert.Equal(["Tls 192.0.2.1:5061 carrier.example", "Tls 192.0.2.2:5071 carrier.example", "Udp 192.0.2.1:5060"], await Locate("sip:carrier.example"));
        Assert.Equal(["Tls 192.0.2.1:5061 carrier.example", "Tls 192.0.2.2:5071 carrier.example"], await Locate("sips:x@carrier.example"));
    }

    [Fact]
    public async Task Without_naptr_the_services_of_all_transports_are_asked_for()
    {
        _server.Service("_sip._udp.carrier.example", 1, 0, 5064, "a.example").Service("_sip._tcp.carrier.example", 1, 0, 5065, "a.example").Address("a.example", "192.0.2.1");
        Assert.Equal(["Tcp 192.0.2.1:5065", "Udp 192.0.2.1:5064"], await Locate("sip:carrier.example"));
        Assert.Equal(["Udp 192.0.2.1:5064"], await Locate("sip:carrier.example;transport=udp"));
    }

    [Fact]
    public async Task Without_srv_the_name_itself_is_the_server()
    {
        _server.Address("pbx.example", "192.0.2.9");
        Assert.Equal(["Udp 192.0.2.9:5060"], await Locate("sip:pbx.example"));
        Assert.Equal(["Tls 192.0.2.9:5061 pbx.example"], await Locate("sips:pbx.example"));
        Assert.Equal(["Tcp 192.0.2.9:5090"], await Locate("sip:pbx.example:5090;transport=tcp"));
    }

    [Fact]
    public async Task An_address_needs_no_dns()
    {
        Assert.Equal(["Tls 192.0.2.9:5061"], await Locate("sips:192.0.2.9"));
        Assert.Equal(0, _server.Queries);
    }

    [Fact]
    public async Task Addresses_of_a_family_that_we_do_not_have_are_left_out_and_our_first_family_goes_first()
    {
        _server.Address("pbx.example", "2001:db8::9").Address("pbx.example", "192.0.2.9");
        Assert.Equal(["Udp 192.0.2.9:5070"], await Locate("sip:pbx.example:5070"));
        Assert.Empty(await Locate("sip:[2001:db8::9]"));
        Assert.Equal(["Udp 192.0.2.9:5070", "Udp [2001:db8::9]:5070"], await Locate("sip:pbx.example:5070", Locator(IPAddress.IPv6Loopback)));
        Assert.Equal(["Udp [2001:db8::9]:5060"], await Locate("sip:[2001:db8::9]", Locator(IPAddress.IPv6Loopback)));
    }

    [Fact]
    public async Task An_answer_is_kept_for_its_time_to_live_and_no_longer()
    {
        _server.Address("pbx.example", "192.0.2.9", ttl: 100);
        await Locate("sip:pbx.example:5070");
        var asked = _server.Queries;
        _time.Advance(TimeSpan.FromSeconds(99));
        await Locate("sip:pbx.example:5070");
        Assert.Equal(asked, _server.Queries);
        _time.Advance(TimeSpan.FromSeconds(2));
        await Locate("sip:pbx.example:5070");
        Assert.True(_server.Queries > asked);
    }

    [Fact]
    public async Task What_does_not_exist_is_remembered_for_a_while_and_found_when_it_does()
    {
        Assert.Empty(await Locate("sip:new.example:5070"));
        var asked = _server.Queries;
        _server.Address("new.example", "192.0.2.9");
        Assert.Empty(await Locate("sip:new.example:5070"));
        Assert.Equal(asked, _server.Queries);
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(["Udp 192.0.2.9:5070"], await Locate("sip:new.example:5070"));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_costs_a_bounded_time_and_leads_nowhere()
    {
        _server.IsSilent = true;
        Assert.Empty(await Locate("sip:pbx.example:5070"));
    }

    [Fact]
    public async Task A_dead_target_is_followed_by_the_next_one()
    {
        await using var host = await EdgeHost.Start();
        await using var dead = new PeerServer(listening: false);
        await using var alive = new PeerServer();
        _server.Service("_sip._tcp.carrier.example", 1, 0, dead.EndPoint.Port, "a.example").Service("_sip._tcp.carrier.example", 2, 0, alive.EndPoint.Port, "a.example").Address("a.example", "127.0.0.1");
        Assert.True(SipUri.TryParse("sip:carrier.example;transport=tcp", out var uri));
        var hops = await _locator.Locate(uri, TestContext.Current.CancellationToken);
        Assert.Equal([dead.EndPoint, alive.EndPoint], hops.Select(hop => hop.EndPoint));
        var first = host.Transports.PeerTo(hops[0].Transport, hops[0].EndPoint, host.Trunk("test"), hops[0].TlsHost);
        await EdgeHost.Until(() => host.Connections == 0);
        var second = host.Transports.PeerTo(hops[1].Transport, hops[1].EndPoint, host.Trunk("test"), hops[1].TlsHost);
        await alive.Accept();
        Assert.Equal((dead.EndPoint, alive.EndPoint), (first.EndPoint, second.EndPoint));
    }
}
