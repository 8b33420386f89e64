using System.Diagnostics.Metrics;
using System.Reflection;
using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>Whether this process may take calls: from the end of the start-up work until it is asked to stop.</summary>
internal sealed class Readiness(IHostApplicationLifetime lifetime, IServiceProvider services)
{
    // Null on a node without an edge.
    private readonly EdgeReadiness? _edge = services.GetService<EdgeReadiness>();

    private volatile bool _opened;

    public bool IsReady => _opened && !lifetime.ApplicationStopping.IsCancellationRequested && (_edge is null || _edge.IsReady);

    public void Open() => _opened = true;
}

/// <summary><c>/metrics</c>, <c>/health/live</c> and <c>/health/ready</c>: everything that the metrics listener answers, and nothing that another listener does, but for the last two, which are all that the health listener answers.</summary>
internal static class Observation
{
    private static readonly string[] s_troubles = ["timedout", "expired", "rejected", "dropped", "failed", "failure", "long-running"];

    private static int s_started;

    public static string Version { get; } =
        typeof(Observation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>Chooses what is measured; must run before the first metric is read. Once a process, however many clusters it starts (tests).</summary>
    public static void Start()
    {
        if (Interlocked.Exchange(ref s_started, 1) == 1) return;
        // The default adapters turn every meter and event counter of the process into metrics, without a bound on their labels.
        Metrics.SuppressDefaultMetrics(new SuppressDefaultMetricOptions { SuppressEventCounters = true, SuppressMeters = true });
        MeterAdapter.StartListening(new MeterAdapterOptions { InstrumentFilterPredicate = IsWorthIt });
        Metrics.CreateGauge("ivr_build_info", "The version that runs; always 1.", "version").WithLabels(Version).Set(1);
    }

    /// <summary>
    /// Of the runtime's instruments those that are asked when somebody looks, and counters of what should not happen. The others are fed with every message, and were 3 % of a
    /// call's processor time.
    /// </summary>
    private static bool IsWorthIt(Instrument instrument) => instrument.Meter.Name == "Microsoft.Orleans"
        && (instrument.IsObservable || s_troubles.Any(trouble => instrument.Name.Contains(trouble, StringComparison.Ordinal)));

    /// <summary>Must come first in the pipeline: requests on the ports of metrics and health end here.</summary>
    public static void UseObservation(this WebApplication app, ListenerSettings listeners)
    {
        var readiness = app.Services.GetRequiredService<Readiness>();
        app.Use(async (http, next) =>
        {
            // The socket's port, not the Host header, which the client chooses.
            var port = http.Connection.LocalPort;
            if (port == listeners.Health?.Port) await Answer(http, readiness, withMetrics: false);
            else if (port == listeners.Metrics.Port) await Answer(http, readiness, withMetrics: true);
            else await next(http);
        });
    }

    private static async Task Answer(HttpContext http, Readiness readiness, bool withMetrics)
    {
        switch (http.Request.Path.Value)
        {
            case "/metrics" when withMetrics:
                http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                await Metrics.DefaultRegistry.CollectAndExportAsTextAsync(http.Response.Body, http.RequestAborted);
                break;
            case "/health/live":
                await http.Response.WriteAsync("live\n", http.RequestAborted);
                break;
            case "/health/ready":
                http.Response.StatusCode = readiness.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                await http.Response.WriteAsync(readiness.IsReady ? "ready\n" : "not ready\n", http.RequestAborted);
                break;
            default:
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }
}

/// <summary>Counts the grains in memory, by type.</summary>
internal sealed partial class ActivationCounter(IGrainFactory grains, RoleTokens tokens, TimeProvider time, ILogger<ActivationCounter> logger) : BackgroundService
{
    // Below Prometheus' usual scrape interval of 15 s; a count costs one call to the silo.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);
    private static readonly Gauge s_activations = Metrics.CreateGauge("ivr_grain_activations", "Grains in memory.", "type");

    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryCount(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host takes a cancellation outside of its own stop for a failure and says so as critical.
        }
    }

    private async Task TryCount(CancellationToken stoppingToken)
    {
        try
        {
            await Count();
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // Telemetry fails open, whatever it was: what escapes here would stop the process. The next tick tries again.
            LogFailure(e.GetType().Name);
        }
    }

    private async Task Count()
    {
        RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
        var counts = await grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics();
        var byType = counts.GroupBy(c => ShortName(c.GrainType)).ToDictionary(g => g.Key, g => g.Sum(c => c.ActivationCount), StringComparer.Ordinal);
        // A type of which nothing is left is no longer listed: it must not stand at its last count.
        foreach (var gone in _seen.Where(t => !byType.ContainsKey(t))) s_activations.WithLabels(gone).Set(0);
        foreach (var (type, count) in byType) s_activations.WithLabels(type).Set(count);
        _seen.UnionWith(byType.Keys);
    }

    // "IvrActors.Grains.Calls.CallGrain,Grains" → "CallGrain"
    private static string ShortName(string type) => type.Split(',')[0].Split('.')[^1];

    [LoggerMessage(Level = LogLevel.Debug, Message = "The grains could not be counted: {Failure}")]
    private partial void LogFailure(string failure);
}
