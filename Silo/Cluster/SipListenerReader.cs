using System.Net;

namespace IvrActors.Silo.Cluster;

/// <summary>Where SIP is listened for, and whom DNS is asked of.</summary>
internal sealed class SipListenerSettings
{
    public required IPAddress Address { get; init; }

    /// <summary>An address of the other family.</summary>
    public IPAddress? SecondAddress { get; init; }
    public int? Udp { get; init; }
    public int? Tcp { get; init; }
    public int? Tls { get; init; }
    public int? Ws { get; init; }
    public int? Wss { get; init; }
    public required string WebSocketPath { get; init; }

    /// <summary>Origins of pages that may connect; null: pages of the same host.</summary>
    public IReadOnlyList<string>? WebSocketOrigins { get; init; }
}

/// <summary>Reads <c>listeners.sip</c> and <c>dns</c>.</summary>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class SipListenerReader(bool development, Action<YamlMap, string, string, string> weak)
{
    private const string Addresses = "an IP address, or a list of one of each family";
    private const int DnsPort = 53;

    public SipListenerSettings Read(YamlMap map)
    {
        var addresses = map.OneOrMore("address", Addresses, text => IPAddress.TryParse(text, out var address) ? address : null);
        if (addresses.Count == 0) addresses = [IPAddress.Loopback];
        if (addresses.Count > 2 || addresses.Select(a => a.AddressFamily).Distinct().Count() != addresses.Count) map.Report("address", "bad value", Addresses);
        // It stands in Via, Contact and SDP: the other side must be able to reach it.
        if (addresses.Exists(a => a.Equals(IPAddress.Any) || a.Equals(IPAddress.IPv6Any))) map.Report("address", "bad value", "the address that peers reach, not a wildcard");
        if (addresses.Exists(a => !IPAddress.IsLoopback(a)) && development) map.Report("address", "weak setting: development defaults on a listener beyond this machine", "a loopback address while development is true");
        var webSocket = map.Map("websocket", required: false);
        var settings = new SipListenerSettings
        {
            Address = addresses[0],
            SecondAddress = addresses.ElementAtOrDefault(1),
            Udp = map.Port("udp", canBeOff: true, 5060),
            Tcp = map.Port("tcp", canBeOff: true, 5060),
            Tls = map.Port("tls", canBeOff: true, 5061),
            Ws = map.Has("ws") ? map.Port("ws", canBeOff: true, 0) : map.Absent<int?>("ws"),
            Wss = map.Has("wss") ? map.Port("wss", canBeOff: true, 0) : map.Absent<int?>("wss"),
            WebSocketPath = webSocket.Text("path", "a path such as /sip", "/sip", text => text.StartsWith('/') && !text.Contains('?', StringComparison.Ordinal)),
            WebSocketOrigins = webSocket.Has("origins") ? webSocket.Texts("origins", "an origin such as https://phone.example", OriginOf) : webSocket.Absent<IReadOnlyList<string>>("origins"),
        };
        if (settings.Ws is not null && addresses.Exists(a => !IPAddress.IsLoopback(a))) weak(map, "ws", "calls from browsers without TLS beyond this machine", "wss instead");
        webSocket.Done();
        map.Done();
        return settings;
    }

    /// <summary>Servers to ask; none: the system's.</summary>
    public static IReadOnlyList<IPEndPoint> ReadDns(YamlMap map)
    {
        var servers = map.Texts("servers", "an address, with a port or without", ServerOf);
        map.Done();
        return servers;
    }

    // "2001:db8::53" is an address, and read as an end point it has the port 0.
    private static IPEndPoint? ServerOf(string text)
    {
        if (IPAddress.TryParse(text, out var address)) return new IPEndPoint(address, DnsPort);
        return IPEndPoint.TryParse(text, out var server) && server.Port > 0 ? server : null;
    }

    internal static string? OriginOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var origin) && origin.Scheme is "https" or "http" && text == origin.GetLeftPart(UriPartial.Authority) ? text : null;
}
