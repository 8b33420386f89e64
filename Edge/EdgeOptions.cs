using System.Net;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge;

/// <summary>What <c>cluster.yaml</c> says about this edge.</summary>
public sealed class EdgeOptions
{
    public required string Name { get; init; }

    /// <summary>Address of the SIP listeners and of media; also the address that goes into Via, Contact and SDP.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>Ports of the SIP listeners; null turns one off, 0 takes any free port (tests).</summary>
    public int? UdpPort { get; init; } = 5060;
    public int? TcpPort { get; init; } = 5060;
    public int? TlsPort { get; init; } = 5061;

    /// <summary>Server certificate with its key. Needed when <see cref="TlsPort"/> is set.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>RTP ports: even for RTP, the next odd one for RTCP.</summary>
    public int FirstMediaPort { get; init; } = 20000;
    public int LastMediaPort { get; init; } = 29999;

    public required IReadOnlyList<EdgeTrunk> Trunks { get; init; }

    /// <summary>SIP messages per source address, before anything is allocated.</summary>
    public required RateLimit MessagesPerSource { get; init; }

    /// <summary>Networks that are never blocked, whatever comes from them.</summary>
    public IReadOnlyList<IPNetwork> NeverBlock { get; init; } = [];

    /// <summary>Calls at once; above it INVITEs get 503 with Retry-After.</summary>
    public int MostCalls { get; init; } = 4000;

    /// <summary>Folder of recorded prompts, and folder for rendered ones.</summary>
    public required string PromptFolder { get; init; }
    public required string RenderedPromptFolder { get; init; }

    /// <summary>A call without any RTP for this long is ended.</summary>
    public TimeSpan MediaTimeout { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>A peer that may send calls, found by source address.</summary>
public sealed class EdgeTrunk
{
    public required string Name { get; init; }
    public required string Tenant { get; init; }
    public required IReadOnlyList<IPNetwork> From { get; init; }

    /// <summary>Whether its P-Asserted-Identity is believed.</summary>
    public bool TrustsCallerIdentity { get; init; }

    /// <summary>Whether SDES keys are accepted over signalling that is not TLS. Weak: only for tests and closed networks.</summary>
    public bool SdesWithoutTls { get; init; }

    public SrtpPolicy Srtp { get; init; } = SrtpPolicy.Required;
}

public enum SrtpPolicy
{
    Required = 0,
    Preferred = 1,
    Off = 2,
}
