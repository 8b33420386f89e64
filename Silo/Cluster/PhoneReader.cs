namespace IvrActors.Silo.Cluster;

/// <param name="Url">Where browsers reach SIP over WebSockets.</param>
/// <param name="Origin">Of the dashboard's pages, as browsers name it.</param>
internal sealed record PhoneSettings(Uri Url, string Origin);

/// <summary>Reads <c>phone</c>, the dashboard's telephone, and finds what keeps it from calling.</summary>
internal static class PhoneReader
{
    private const string Url = "url";
    private const string Origin = "origin";

    /// <param name="pages">Listeners of a node with the dashboard; <paramref name="edge"/>: of one with an edge.</param>
    public static PhoneSettings Read(YamlMap map, ListenerSettings pages, ListenerSettings edge)
    {
        var url = UrlOf(map.Text(Url, "an address such as wss://ivr.example:7443/sip", valid: text => UrlOf(text) is not null)) ?? new Uri("wss://invalid.invalid/");
        var dashboard = pages.Dashboard.Port == 443 ? $"https://{url.Host}" : $"https://{url.Host}:{pages.Dashboard.Port}";
        var origin = map.Text(Origin, "an origin such as https://ivr.example:8443", dashboard, text => text.StartsWith("https:", StringComparison.Ordinal) && SipListenerReader.OriginOf(text) is not null);
        if (edge.Sip is { Wss: null, Ws: null }) map.Report(Url, "nobody listens there", "listeners.sip.wss");
        if (edge.Sip.WebSocketOrigins is { } origins && !origins.Contains(origin, StringComparer.OrdinalIgnoreCase)) map.Report(Origin, "the edge would refuse the page", "one of listeners.sip.websocket.origins");
        map.Done();
        return new PhoneSettings(url, origin);
    }

    /// <param name="weak">Reports a setting that only a development cluster may have.</param>
    public static void FindContradictions(YamlMap root, ClusterFile cluster, Action<YamlMap, string, string, string> weak)
    {
        var trunks = cluster.Tenants.SelectMany(tenant => tenant.Trunks).Count(trunk => trunk.Digest is { Operators: true });
        if (cluster.Phone is null && trunks > 0) root.Report("phone", "a trunk for operators and nothing that they call with", "url, because a trunk has digest.operators: true");
        if (cluster.Phone is not null && cluster.Nodes.Any(node => node.Roles.HasFlag(NodeRoles.Edge) && node.Listeners.Sip is { Wss: null, Ws: not null }) && cluster.Tenants.SelectMany(tenant => tenant.Trunks).Any(trunk => trunk.Digest is { Operators: true, WithoutTls: false }))
            root.Report("phone", "no operator could call: through a proxy before ws they come without TLS, and without it no pass is taken", "listeners.sip.wss");
        if (cluster.PhoneTrunk is not null && cluster.Nodes.Any(node => !node.Roles.HasFlag(NodeRoles.Silo)))
            root.Report("phone", "passes that nobody gives or takes: a node without a silo has not the key they are made with", "silo, edge and dashboard in one node, or no digest.operators");
        if (cluster.Phone is not null && trunks > 1) root.Report("phone", "several trunks for operators", "digest.operators: true at one trunk");
        if (cluster.Phone is not null && trunks == 0) weak(root, "phone", "a telephone whose calls are let in by their address alone", "a trunk with digest.operators: true");
    }

    private static Uri? UrlOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "wss", Query: "", Fragment: "", UserInfo: "", Host.Length: > 0 } ? url : null;
}
