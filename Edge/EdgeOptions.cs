using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Speech;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge;

/// <summary>What <c>cluster.yaml</c> says about this edge.</summary>
public sealed class EdgeOptions
{
    public required string Name { get; init; }

    /// <summary>Address of the SIP listeners and of media; also the address that goes into Via, Contact and SDP.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>As <see cref="Address"/>, of the other family; null: one family only.</summary>
    public IPAddress? SecondAddress { get; init; }

    /// <summary>Ports of the SIP listeners; null turns one off, 0 takes any free port (tests).</summary>
    public int? UdpPort { get; init; } = 5060;
    public int? TcpPort { get; init; } = 5060;
    public int? TlsPort { get; init; } = 5061;
    public int? WsPort { get; init; }
    public int? WssPort { get; init; }

    /// <summary>Where a WebSocket is upgraded (RFC 7118), and the web origins whose pages may do that; null: pages of the same host only.</summary>
    public string WebSocketPath { get; init; } = "/sip";
    public IReadOnlyList<string>? WebSocketOrigins { get; init; }

    /// <summary>DNS servers to ask (RFC 3263); empty: the system's.</summary>
    public IReadOnlyList<IPEndPoint> DnsServers { get; init; } = [];

    /// <summary>Server certificate with its key. Needed when <see cref="TlsPort"/> or <see cref="WssPort"/> is set.</summary>
    public ServerCertificate? Certificate { get; init; }

    /// <summary>Both addresses, or the one.</summary>
    public IReadOnlyList<IPAddress> Addresses => SecondAddress is null ? [Address] : [Address, SecondAddress];

    /// <summary>Our address of this family, or null.</summary>
    public IPAddress? AddressOf(AddressFamily family) => Address.AddressFamily == family ? Address : SecondAddress?.AddressFamily == family ? SecondAddress : null;

    /// <summary>RTP ports: even for RTP, the next odd one for RTCP.</summary>
    public int FirstMediaPort { get; init; } = 20000;
    public int LastMediaPort { get; init; } = 29999;

    public required IReadOnlyList<EdgeTrunk> Trunks { get; init; }

    /// <summary>What a source hears that belongs to no trunk.</summary>
    public UnknownSources UnknownSources { get; init; } = UnknownSources.Silent;

    /// <summary>SIP messages per source address, before anything is allocated.</summary>
    public required RateLimit MessagesPerSource { get; init; }

    /// <summary>What calls of the cluster, and of each tenant, may be, at all edges together.</summary>
    public LimitRule ClusterLimit { get; init; } = new();
    public IReadOnlyDictionary<string, LimitRule> TenantLimits { get; init; } = new Dictionary<string, LimitRule>();

    /// <summary>Networks that are never blocked, whatever comes from them.</summary>
    public IReadOnlyList<IPNetwork> NeverBlock { get; init; } = [];

    /// <summary>When new calls are turned away.</summary>
    public AdmissionRules Admission { get; init; } = new();

    /// <summary>How long calls may go on when the process is asked to end, before they are ended; zero: not at all.</summary>
    public TimeSpan DrainAtStop { get; init; }

    /// <summary>Whether the process ends when it was told to drain and has: it is nothing but an edge.</summary>
    public bool EndsWhenDrained { get; init; }

    /// <summary>Folder of recorded prompts, and folder for rendered ones.</summary>
    public required string PromptFolder { get; init; }
    public required string RenderedPromptFolder { get; init; }

    /// <summary>How callers' identities are verified, on trunks that ask for it.</summary>
    public StirOptions Stir { get; init; } = new();

    /// <summary>How text is spoken that is not recorded.</summary>
    public SpeechOptions Speech { get; init; } = new();

    /// <summary>Folder of recordings; null: nothing is recorded. They are deleted when they are this old.</summary>
    public string? RecordingFolder { get; init; }
    public TimeSpan RecordingsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a call waits for the answer of a limit. Less than RFC 3261's T1, so that no caller repeats what was not lost; many times a round trip to a grain.</summary>
    public TimeSpan LimitPatience { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>A call is ended after this long, whoever forgot it.</summary>
    public TimeSpan LongestCall { get; init; } = TimeSpan.FromHours(4);

    /// <summary>How long a session lasts without a refresh, where the peer knows session timers (RFC 4028); half an hour is what the standard recommends.</summary>
    public TimeSpan SessionInterval { get; init; } = TimeSpan.FromMinutes(30);

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
