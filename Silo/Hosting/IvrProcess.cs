using IvrActors.Dashboard;
using IvrActors.Dashboard.Recordings;
using IvrActors.Edge;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging.Console;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// One process of a cluster: the roles that its node has, a silo, an edge, a dashboard. Without a silo it is a client of the cluster, with neither database nor key ring. Composition only.
/// </summary>
internal sealed class IvrProcess : IAsyncDisposable
{
    /// <summary>What everything but calls that end by themselves may take at the end.</summary>
    private static readonly TimeSpan s_shutdown = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;
    private readonly ClusterVault? _vault;
    private readonly ClusterFile _cluster;

    private IvrProcess(WebApplication app, ClusterVault? vault, ClusterFile cluster)
    {
        (_app, _vault, _cluster) = (app, vault, cluster);
        if (vault is not null) Opening = new Opening(cluster, app.Services.GetRequiredService<IGrainFactory>(), app.Services.GetRequiredService<RoleTokens>(), vault.Ring, TimeProvider.System);
    }

    /// <summary>What a silo does before it is ready; null without one.</summary>
    public Opening? Opening { get; }

    /// <summary>Whether it was asked to end.</summary>
    public bool IsStopping => Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;

    public IServiceProvider Services => _app.Services;

    public Addresses Addresses => new(_cluster.Listeners.Dashboard, _cluster.Listeners.Metrics);

    public static IvrProcess Create(ClusterFile cluster, LogLevel level)
    {
        var now = DateTimeOffset.UtcNow;
        Observation.Start();
        var node = NodeCertificate.Of(cluster.Node, now);
        var vault = cluster.Node.Roles.HasFlag(NodeRoles.Silo) ? ClusterVault.OpenOrCreate(cluster, now) : null;
        try
        {
            return new IvrProcess(Build(cluster, level, vault, cluster.Node.MeetsStrangers ? ServerCertificateOf(cluster, now) : null, node), vault, cluster);
        }
        catch
        {
            vault?.Dispose();
            throw;
        }
    }

    /// <summary>Starts everything and does the opening work. Ready afterwards, unless <see cref="Opening.FlowErrors"/> says why not.</summary>
    public async Task Start()
    {
        if (_vault is not null) await ClockWatch.Require(_vault.Database.States, TimeProvider.System);
        var left = _vault is null ? [] : await SiloHosting.CallsLeftBehind(_cluster, _vault);
        await _app.StartAsync();
        try
        {
            // Removed only when the ports are ours: until then another process may be serving them.
            if (_vault is not null) await SiloHosting.Remove(_vault, left);
            if (Opening is not null) await Opening.Run();
        }
        catch
        {
            // The silo leaves its cluster in order, also when it was of no use to it.
            await _app.StopAsync();
            throw;
        }
        if (Opening is { FlowErrors.Count: > 0 }) return;
        _app.Services.GetRequiredService<Readiness>().Open();
        _app.Services.GetRequiredService<ISystemdNotifier>().Notify(ServiceState.Ready);
    }

    /// <summary>Why it ended itself; null: it was asked to.</summary>
    public async Task<string?> WaitForShutdown()
    {
        await _app.WaitForShutdownAsync();
        return Services.GetService<ClockWatch>()?.Failure;
    }

    public Task Stop() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _vault?.Dispose();
    }

    private static ServerCertificate ServerCertificateOf(ClusterFile cluster, DateTimeOffset now) =>
        cluster.Certificates is { ServerFile: { } file, ServerKeyFile: { } key } ? ServerCertificate.FromFiles(file, key) : Certificates.Server(cluster.CertificateFolder, now);

    /// <param name="certificate">Of an edge or a dashboard.</param>
    private static WebApplication Build(ClusterFile cluster, LogLevel level, ClusterVault? vault, ServerCertificate? certificate, NodeCertificate? node)
    {
        // Nothing but cluster.yaml configures this process: no environment variable or settings file opens a port or loosens a check.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [], EnvironmentName = "Production", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        AddLogging(builder.Logging, level);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddSingleton<ISystemdNotifier, SystemdNotifier>();
        builder.Services.AddHostedService<SystemdNotices>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = cluster.DrainAtStop + s_shutdown);
        var passes = vault is null ? null : new PhonePasses(vault.Keys, TimeProvider.System, cluster.PhoneTrunk?.Trunk.Digest!.Realm);
        if (passes is null) builder.Services.AddSingleton<IPhonePasses, NoPhonePasses>();
        else builder.Services.AddSingleton<IPhonePasses>(passes);
        if (vault is null) ClientHosting.Add(builder, cluster, node ?? throw new NodeTlsException($"Node '{cluster.Node.Name}' has no silo, and no node_tls to prove to one what it is."));
        else SiloHosting.Add(builder, cluster, vault, node);
        var speechKey = vault?.Keys.SpeechKey();
        var edge = cluster.Node.Roles.HasFlag(NodeRoles.Edge) ? cluster.ToEdgeOptions(certificate!, passes is null ? null : passes.Find, speechKey) : null;
        // Flows are checked against the prompts, also by a silo without an edge.
        if (edge is null) builder.Services.AddSingleton<IPromptCatalogue>(new PromptStore(cluster.PromptFolder, new SpeechRenderer(cluster.Speech.ToOptions(speechKey), cluster.RenderedFolder, TimeProvider.System)));
        else builder.Services.AddEdge(edge);
        if (certificate is not null) builder.Services.AddSingleton<IReloadedCertificate>(certificate);
        if (node is not null) builder.Services.AddNodeCertificate(node);
        builder.Services.AddHostedService<CertificateWatcher>();
        builder.WebHost.UseKestrelHttpsConfiguration();
        if (cluster.Recordings is { } recordings) builder.Services.AddSingleton<IRecordingFiles>(new RecordingFiles(recordings.Folder));
        if (cluster.Node.Roles.HasFlag(NodeRoles.Dashboard)) builder.Services.AddDashboard(DashboardOptionsOf(cluster));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(cluster.Listeners.Metrics, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (cluster.Listeners.MetricsTls) listen.UseHttps(NodeTls.MetricsOptions(node!, kestrel.ApplicationServices));
            });
            if (cluster.Listeners.Health is { } health) kestrel.Listen(health, listen => listen.Protocols = HttpProtocols.Http1);
            if (cluster.Node.Roles.HasFlag(NodeRoles.Dashboard)) kestrel.Listen(cluster.Listeners.Dashboard, listen => listen.UseHttps(certificate!.WebOptions()));
            if (edge is not null) kestrel.ListenSip(edge, kestrel.ApplicationServices);
        });
        var app = builder.Build();
        app.UseObservation(cluster.Listeners);
        if (edge is not null) app.UseSipWebSockets();
        if (cluster.Node.Roles.HasFlag(NodeRoles.Dashboard)) app.MapDashboard();
        return app;
    }

    private static void AddLogging(ILoggingBuilder logging, LogLevel level)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(level);
        // The runtime's own messages below a warning are for who debugs the runtime.
        if (level >= LogLevel.Information)
        {
            foreach (var category in new[] { "Orleans", "Microsoft", "Polly" }) logging.AddFilter(category, level > LogLevel.Warning ? level : LogLevel.Warning);
            // Its first check measures from the machine's start and always warns.
            logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        }
        // At no level: its trace prints the arguments of page handlers (passwords, one-time codes), and its request lines the one-time links.
        logging.AddFilter("Microsoft.AspNetCore", level > LogLevel.Warning ? level : LogLevel.Warning);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        // Standard output is for the person who started the process.
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static DashboardOptions DashboardOptionsOf(ClusterFile cluster) => new()
    {
        Port = cluster.Listeners.Dashboard.Port,
        Tenants = [.. cluster.Tenants.Select(t => new DashboardTenant { Name = t.Name, Flows = [.. t.Numbers.Values.Distinct(StringComparer.Ordinal)] })],
        Phone = cluster.Phone is { } phone
            ? new DashboardPhone { Url = phone.Url, Origin = phone.Origin, Numbers = [.. (cluster.PhoneTrunk?.Tenant ?? cluster.Tenants[0]).Numbers.Keys] }
            : null,
    };
}
