using System.Security.Cryptography;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Speech;
using IvrActors.Edge.Tracing;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Flows;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge;

/// <summary>Adds an edge to a host.</summary>
public static class EdgeServiceCollectionExtensions
{
    private const int KeyBytes = 32;

    /// <summary>
    /// Adds all of the edge but its stream listeners, for which the host calls <see cref="KestrelSipExtensions.ListenSip"/> and <see cref="SipWebSockets.UseSipWebSockets"/>. Needs an
    /// <c>IGrainFactory</c> and an <c>IRoleTokens</c>; time is <see cref="TimeProvider.System"/> unless the host adds another.
    /// </summary>
    public static IServiceCollection AddEdge(this IServiceCollection services, EdgeOptions options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new SpeechRenderer(options.Speech, options.RenderedPromptFolder, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SpeechRenderer>>()));
        services.TryAddSingleton(provider => new PromptStore(options.PromptFolder, provider.GetRequiredService<SpeechRenderer>()));
        services.TryAddSingleton<IPromptCatalogue>(provider => provider.GetRequiredService<PromptStore>());
        services.TryAddSingleton<IMediaEngine, MediaEngine>();
        services.TryAddSingleton<EdgeToken>();
        services.TryAddSingleton<ICallCluster, CallCluster>();
        services.AddSingleton<EdgeReadiness>();
        services.AddSingleton<EdgeIncarnation>();
        services.AddSingleton(_ => new InviteMarks(RandomNumberGenerator.GetBytes(KeyBytes)));
        services.AddSingleton(provider => new CallGate(options.Admission, provider.GetRequiredService<InviteMarks>(), provider.GetRequiredService<KnownCallers>()));
        services.AddSingleton<KnownCallers>();
        services.AddSingleton<WaitingCalls>();
        services.AddSingleton(provider => new EdgeLimits(options, provider.GetRequiredService<TimeProvider>().GetElapsedTime(0).Ticks, RandomNumberGenerator.GetInt32(1, int.MaxValue) * (1L << 32) + RandomNumberGenerator.GetInt32(1, int.MaxValue)));
        services.AddSingleton<LatencyWindow>();
        services.AddSingleton<SipTap>();
        services.AddSingleton<SipTransports>();
        services.AddSingleton(_ => new TrunkTable(options.Trunks));
        services.AddSingleton<SourceReputation>();
        services.AddSingleton<ISourceReputation>(provider => provider.GetRequiredService<SourceReputation>());
        services.AddSingleton<SipIntake>();
        services.AddSingleton<ConnectionGate>();
        services.AddSingleton<TlsTrust>();
        services.AddSingleton<SipStream>();
        services.AddSingleton<SipConnectionHandler>();
        services.AddSingleton<SipWebSocketHandler>();
        services.AddSingleton<SipConnector>();
        services.AddSingleton<SipListeners>();
        services.AddSingleton<ISipLocator, DnsSipLocator>();
        services.AddSingleton(provider => new StirTrustFiles(options.Stir, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<StirTrustFiles>>()));
        services.AddSingleton(provider => new CertificateFetcher(
            options.Stir.TrustedAddresses, new DnsAnswers(options.DnsServers, provider.GetRequiredService<TimeProvider>()),
            options.Stir.WebAuthorityFile is { } file ? StirFiles.Certificates(file) ?? [] : null, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new StirCertificates(provider.GetRequiredService<CertificateFetcher>().Fetch, provider.GetRequiredService<StirTrustFiles>().Trusts, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<CallerVerification>();
        services.AddSingleton<TrunkDesk>();
        services.AddSingleton<RecordingWriter>();
        services.AddSingleton<RecordingDesk>();
        services.AddSingleton<MediaLane>();
        services.AddSingleton<EdgeLoop>();
        services.AddSingleton<DrainWatch>();
        services.AddSingleton<IEdgeDrain>(provider => provider.GetRequiredService<DrainWatch>());
        services.AddSingleton<CallTracer>();
        services.AddHostedService<LeaseKeeper>();
        services.AddHostedService<KnownSharing>();
        services.AddHostedService<EdgeService>();
        services.AddHostedService(provider => provider.GetRequiredService<MediaLane>());
        services.AddHostedService<BlockSharing>();
        services.AddHostedService<RecordingSweeper>();
        services.AddHostedService<LoadSampler>();
        return services;
    }
}
