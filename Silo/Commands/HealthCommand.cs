using System.CommandLine;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr health</c>: asks the node that runs on this machine, for those who have no client certificate, or no curl, at hand.</summary>
internal static class HealthCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var live = new Option<bool>("--live") { Description = "Ask only whether it runs." };
        var health = new Command("health", "Asks the node of this machine whether it is ready (exit code 0) or not (1); 4: nothing answers.") { live };
        health.SetAction(terminal, (parsed, cluster, cancellation) => Ask(cluster, parsed.GetValue(live) ? "live" : "ready", terminal, cancellation));
        root.Add(health);
    }

    private static async Task<int> Ask(ClusterFile cluster, string what, Terminal terminal, CancellationToken cancellation)
    {
        var end = cluster.Listeners.Health ?? cluster.Listeners.Metrics;
        if (end.Address.Equals(IPAddress.Any) || end.Address.Equals(IPAddress.IPv6Any)) end = new IPEndPoint(end.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback, end.Port);
        var isSecured = cluster.Listeners is { Health: null, MetricsTls: true };
        var certificate = isSecured ? NodeCertificate.Of(cluster.Node, DateTimeOffset.UtcNow) : null;
        using var handler = new SocketsHttpHandler { UseProxy = false, ConnectCallback = (_, stop) => Connect(end, certificate, stop) };
        using var http = new HttpClient(handler) { Timeout = s_patience };
        try
        {
            using var answer = await http.GetAsync(new Uri($"http://{end}/health/{what}"), cancellation);
            await terminal.Output.WriteAsync(await answer.Content.ReadAsStringAsync(cancellation));
            return answer.IsSuccessStatusCode ? ExitCode.Done : ExitCode.Findings;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            await terminal.Error.WriteLineAsync($"Nothing answers on {end}. Does node '{cluster.Node.Name}' run on this machine?");
            return ExitCode.Unreachable;
        }
    }

    /// <summary>A connection of our own, because who answers is known by its node certificate and not by the name of a host.</summary>
    private static async ValueTask<Stream> Connect(IPEndPoint end, NodeCertificate? certificate, CancellationToken stop)
    {
        var client = new TcpClient(end.AddressFamily);
        try
        {
            await client.ConnectAsync(end, stop);
            if (certificate is null) return client.GetStream();
            var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsClientAsync(new NodeHandshake(certificate.Current, NodeTls.OnMetrics, DateTimeOffset.UtcNow).AsClient(), stop);
            return tls;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }
}
