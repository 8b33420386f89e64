using System.Net;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Hosting;

/// <summary>What a started cluster prints on standard output, which is for the person at the terminal and no log.</summary>
internal static class Welcome
{
    public static void Print(TextWriter output, ClusterFile cluster, Addresses addresses, Opening? opening)
    {
        output.WriteLine($"IvrActors {Observation.Version} is ready: cluster {cluster.Cluster}, node {cluster.Node.Name}{(cluster.Development ? ", DEVELOPMENT" : "")}");
        output.WriteLine();
        if (cluster.Node.Roles.HasFlag(NodeRoles.Edge))
        {
            var sip = cluster.Listeners.Sip;
            var transports = new[] { ("UDP", sip.Udp), ("TCP", sip.Tcp), ("TLS", sip.Tls), ("WS", sip.Ws), ("WSS", sip.Wss) };
            foreach (var number in cluster.Tenants.SelectMany(t => t.Numbers.Keys).Distinct(StringComparer.Ordinal)) output.WriteLine($"  call       sip:{number}@{Host(sip.Address)}");
            output.WriteLine($"  over       {string.Join(", ", transports.Where(t => t.Item2 is not null).Select(t => $"{t.Item1} {t.Item2}"))}");
        }
        if (cluster.Node.Roles.HasFlag(NodeRoles.Dashboard)) output.WriteLine($"  dashboard  https://{addresses.Dashboard}/");
        if (cluster.Node.Roles.HasFlag(NodeRoles.Dashboard) && cluster.Phone is { } phone) output.WriteLine($"  phone      {phone.Origin}/phone");
        output.WriteLine($"  metrics    {(cluster.Listeners.MetricsTls ? "https" : "http")}://{addresses.Metrics}/metrics");
        if (opening?.FirstInvitation is { } secret)
        {
            output.WriteLine();
            output.WriteLine("There is no operator yet. This link makes the first administrator; it works once, for 24 hours:");
            output.WriteLine("  " + InvitationLink(cluster.DashboardAddress ?? addresses.Dashboard, secret));
        }
        if (opening is { DemoCallers.Count: > 0 }) PrintDemoCallers(output, opening.DemoCallers);
        output.Flush();
    }

    /// <summary>The page of the dashboard that uses an invitation up.</summary>
    public static string InvitationLink(IPEndPoint dashboard, InvitationCode secret) => $"https://{dashboard}/join?code={Uri.EscapeDataString(secret.Reveal())}";

    private static void PrintDemoCallers(TextWriter output, IReadOnlyList<DemoCaller> callers)
    {
        output.WriteLine();
        output.WriteLine("Demo callers (development only):");
        foreach (var caller in callers)
        {
            output.WriteLine($"  account {caller.Account}   PIN {caller.Pin}   authenticator key {caller.TotpSecret}");
            output.WriteLine($"    {caller.OtpAuthUri}");
        }
        output.WriteLine($"  The code of now: dotnet run --project Silo -- demo code {callers[0].Account}");
    }

    private static string Host(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}

/// <summary>Where the process really listens, once it does.</summary>
internal sealed record Addresses(IPEndPoint Dashboard, IPEndPoint Metrics);
