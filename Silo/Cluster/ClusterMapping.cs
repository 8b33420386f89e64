using IvrActors.Edge;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>What each part of the system is told of <c>cluster.yaml</c>.</summary>
internal static class ClusterMapping
{
    public static ClusterPolicy ToPolicy(this ClusterFile cluster) => new()
    {
        Tenants = cluster.Tenants.ToDictionary(t => t.Name, t => t.ToPolicy(cluster), StringComparer.Ordinal),
        RecordingsKept = cluster.Recordings?.Keep,
        Devices = cluster.Devices,
        Risk = cluster.Risk,
        Limit = cluster.Limits.Cluster,
        LongestCall = cluster.Limits.LongestCall,
        FactorCheckFloor = cluster.Pins.Floor,
        PinChecksAtOnce = cluster.Pins.AtOnce,
        Argon2MemoryKiB = cluster.Pins.MemoryKiB,
        Argon2Passes = cluster.Pins.Passes,
        PinsExpire = cluster.Pins.Expire > TimeSpan.Zero ? cluster.Pins.Expire : null,
    };

    /// <param name="passes">Finds the pass that a user name of a realm is.</param>
    /// <param name="speechKey">What rendered speech is encrypted with on the disk; null: none is kept.</param>
    /// <exception cref="MissingSecretException">A password of a trunk or the token of the speech service is not there.</exception>
    public static EdgeOptions ToEdgeOptions(this ClusterFile cluster, ServerCertificate certificate, Func<string, string, DigestPass?>? passes = null, Secret<byte>? speechKey = null) => new()
    {
        Name = cluster.Node.Name,
        Address = cluster.Listeners.Sip.Address,
        SecondAddress = cluster.Listeners.Sip.SecondAddress,
        UdpPort = cluster.Listeners.Sip.Udp,
        TcpPort = cluster.Listeners.Sip.Tcp,
        TlsPort = cluster.Listeners.Sip.Tls,
        WsPort = cluster.Listeners.Sip.Ws,
        WssPort = cluster.Listeners.Sip.Wss,
        WebSocketPath = cluster.Listeners.Sip.WebSocketPath,
        // With a phone page no other page calls, unless the list names it.
        WebSocketOrigins = cluster.Listeners.Sip.WebSocketOrigins ?? (cluster.Phone is { } phone ? [phone.Origin] : null),
        DnsServers = cluster.DnsServers,
        Certificate = certificate,
        FirstMediaPort = cluster.Listeners.FirstMediaPort,
        LastMediaPort = cluster.Listeners.LastMediaPort,
        MessagesPerSource = cluster.Limits.MessagesPerSource,
        Admission = cluster.Admission,
        ClusterLimit = cluster.Limits.Cluster,
        TenantLimits = cluster.Tenants.ToDictionary(tenant => tenant.Name, tenant => tenant.Limit, StringComparer.Ordinal),
        LongestCall = cluster.Limits.LongestCall,
        SessionInterval = cluster.Limits.SessionInterval,
        NeverBlock = cluster.NeverBlock,
        DrainAtStop = cluster.DrainAtStop,
        EndsWhenDrained = cluster.Node.Roles == NodeRoles.Edge,
        PromptFolder = cluster.PromptFolder,
        RenderedPromptFolder = cluster.RenderedFolder,
        Speech = cluster.Speech.ToOptions(speechKey),
        Stir = cluster.Stir,
        RecordingFolder = cluster.Recordings?.Folder,
        RecordingsKept = cluster.Recordings?.Keep ?? default,
        UnknownSources = cluster.UnknownSources,
        Trunks = [.. cluster.Tenants.SelectMany(tenant => tenant.Trunks.Select(trunk => trunk.ToEdge(tenant.Name, passes)))],
    };

    /// <param name="cacheKey">Null: nothing is kept on the disk.</param>
    /// <exception cref="MissingSecretException">The token is not there.</exception>
    public static SpeechOptions ToOptions(this SpeechSettings settings, Secret<byte>? cacheKey) => new()
    {
        Engine = settings.Engine,
        Voices = settings.Voices,
        Address = settings.Address,
        Token = settings.Token?.Read(),
        Timeout = settings.Timeout,
        MostBytes = settings.MostBytes,
        AtOnce = settings.AtOnce,
        CacheKey = cacheKey,
        CacheBytes = settings.CacheBytes,
    };

    private static TenantPolicy ToPolicy(this TenantSettings tenant, ClusterFile cluster) => new()
    {
        Name = tenant.Name,
        Numbers = tenant.Numbers,
        TransferTargets = tenant.TransferTargets,
        Trunks = tenant.Trunks.ToDictionary(t => t.Name, t => t.ToPolicy(), StringComparer.Ordinal),
        Limit = tenant.Limit,
        Caller = cluster.Limits.Caller,
        Destination = cluster.Limits.Destination,
        Lockout = cluster.Lockout with { Tell = tenant.TellsLocks },
        Outbound = tenant.Outbound,
    };
}
