using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Sip.Locating;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Net.Locating;

/// <summary>Asks DNS what <see cref="LocationPlan"/> says, and gives the answers in their order.</summary>
internal sealed class DnsSipLocator(EdgeOptions options, TimeProvider time) : ISipLocator
{
    /// <summary>Hops to try: each that is dead costs a call some seconds.</summary>
    private const int MostLocations = 16;

    /// <summary>NAPTR, SRV and addresses one after the other, each with its own bound.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(6);

    private readonly DnsAnswers _dns = new(options.DnsServers, time);

    /// <summary>TLS first (RFC 3263 4.1 leaves the order to us). WebSockets are opened by browsers only.</summary>
    private readonly SipTransport[] _transports = options.UdpPort is null ? [SipTransport.Tls, SipTransport.Tcp] : [SipTransport.Tls, SipTransport.Tcp, SipTransport.Udp];

    public async Task<IReadOnlyList<SipLocation>> Locate(SipUri uri, CancellationToken cancellation = default)
    {
        var plan = LocationPlan.Of(uri);
        if (plan.Step == LocationStep.Nowhere || (plan.Step != LocationStep.Discover && !_transports.Contains(plan.Transport))) return [];
        if (plan.Step == LocationStep.Numeric)
        {
            var address = IPAddress.Parse(plan.Host);
            return options.AddressOf(address.AddressFamily) is null ? [] : [new SipLocation(plan.Transport, new IPEndPoint(address, plan.Port), null)];
        }
        try
        {
            return await Ask(plan).WaitAsync(s_timeout, time, cancellation);
        }
        catch (TimeoutException)
        {
            return [];
        }
    }

    private async Task<IReadOnlyList<SipLocation>> Ask(LocationPlan plan)
    {
        List<SipLocation> locations = [];
        if (plan.Step != LocationStep.Addresses)
        {
            foreach (var (transport, service) in await Services(plan))
            {
                var records = SrvOrdering.Order(await _dns.Srv(service), Random.Shared.Next);
                foreach (var record in records) await AddAddresses(locations, transport, record.Target, record.Port, plan.Host);
                if (locations.Count >= MostLocations) break;
            }
        }
        // RFC 3263 4.2: without SRV records the name itself is the server.
        if (locations.Count == 0 && _transports.Contains(plan.Transport)) await AddAddresses(locations, plan.Transport, plan.Host, plan.Port, plan.Host);
        return locations.Count > MostLocations ? locations[..MostLocations] : locations;
    }

    /// <summary>Names of SRV records, in the order in which they are to be used.</summary>
    private async Task<IReadOnlyList<(SipTransport Transport, string Service)>> Services(LocationPlan plan)
    {
        if (plan.Step == LocationStep.Service) return [(plan.Transport, LocationPlan.ServiceOf(plan.Transport, plan.Host))];
        var named = NaptrSelection.Choose(await _dns.Naptr(plan.Host), plan.Secure, _transports);
        return named.Count > 0 ? named : [.. _transports.Where(t => !plan.Secure || t == SipTransport.Tls).Select(t => (t, LocationPlan.ServiceOf(t, plan.Host)))];
    }

    /// <summary>Addresses of the families that we have; that of our first address comes first.</summary>
    private async Task AddAddresses(List<SipLocation> locations, SipTransport transport, string name, int port, string domain)
    {
        var tlsHost = transport is SipTransport.Tls or SipTransport.Wss ? domain : null;
        foreach (var own in options.Addresses)
        {
            foreach (var address in await AddressesOf(name, own.AddressFamily)) locations.Add(new SipLocation(transport, new IPEndPoint(address, port), tlsHost));
        }
    }

    private async Task<IReadOnlyList<IPAddress>> AddressesOf(string name, AddressFamily family)
    {
        if (IPAddress.TryParse(name, out var literal)) return literal.AddressFamily == family ? [literal] : [];
        // RFC 6761 6.3: never asked for.
        if (name.Equals("localhost", StringComparison.OrdinalIgnoreCase)) return [family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback];
        return family == AddressFamily.InterNetworkV6 ? await _dns.V6(name) : await _dns.V4(name);
    }
}
