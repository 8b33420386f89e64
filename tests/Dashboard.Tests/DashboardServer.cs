using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Dashboard;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace IvrActors.Dashboard.Tests;

/// <summary>The dashboard on loopback: https on its own port, and a plain port beside it as the metrics have.</summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private static readonly X509Certificate2 s_certificate = Certificate();
    private readonly WebApplication _app;

    private DashboardServer(WebApplication app, FakeCluster cluster, ShiftedTime time, int port, int otherPort) => (_app, Cluster, Time, Port, OtherPort) = (app, cluster, time, port, otherPort);

    public FakeCluster Cluster { get; }
    public ShiftedTime Time { get; }
    public int Port { get; }
    public int OtherPort { get; }
    public Uri Address => new($"https://localhost:{Port}");
    public IReadOnlyList<Endpoint> Endpoints => _app.Services.GetRequiredService<EndpointDataSource>().Endpoints;

    /// <param name="phone">What the phone page calls, of the port that was found.</param>
    public static async Task<DashboardServer> Start(TimeSpan? floor = null, int signInsPerMinute = 1000, Func<int, DashboardPhone>? phone = null)
    {
        // Found by asking for any: the dashboard must know its port before it listens.
        for (var attempt = 0; ; attempt++)
        {
            var (port, other) = (FreePort(), FreePort());
            var time = new ShiftedTime();
            var cluster = new FakeCluster(time);
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(s_certificate));
                kestrel.Listen(IPAddress.Loopback, other);
            });
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.AddSingleton(cluster.Grains);
            builder.Services.AddSingleton<IRoleTokens>(cluster);
            builder.Services.AddSingleton<IPhonePasses>(cluster);
            builder.Services.AddDashboard(new DashboardOptions
            {
                Port = port,
                Tenants = [new DashboardTenant { Name = "demo", Flows = ["bank", "empty"] }],
                PollInterval = TimeSpan.FromMilliseconds(100),
                SignInFloor = floor ?? TimeSpan.Zero,
                PasswordHashIterations = 1000,
                SignInsPerMinute = signInsPerMinute,
                Phone = phone?.Invoke(port),
            });
            var app = builder.Build();
            app.MapDashboard();
            app.MapGet("/metrics", () => "metrics");
            try
            {
                await app.StartAsync();
                return new DashboardServer(app, cluster, time, port, other);
            }
            catch (IOException) when (attempt < 5)
            {
                await app.DisposeAsync();
            }
        }
    }

    public T Get<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}

/// <summary>The real clock with a lead that a test gives it: timers run, dates jump.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _lead;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _lead, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _lead));
}
