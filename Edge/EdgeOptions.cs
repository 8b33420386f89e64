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

    /// <summary>What a source hears that belongs to no trunk.</summary>
    public UnknownSources UnknownSources { get; init; } = UnknownSources.Silent;

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

/// <summary>What is done with messages of a source that belongs to no trunk.</summary>
public enum UnknownSources
{
    /// <summary>Nothing at all: a scanner does not learn that somebody is here.</summary>
    Silent = 0,

    /// <summary>A bare 403 without state, at a bounded rate: an honest peer with a wrong address learns why.</summary>
    Forbidden = 1,
}
