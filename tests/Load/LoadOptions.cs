using System.Net;
using IvrActors.Edge.Srtp;

namespace IvrActors.Load;

/// <summary>Where the calls go and how, for all scenarios of a run.</summary>
internal sealed class LoadOptions
{
    /// <summary><c>udp</c>, <c>tcp</c> or <c>tls</c>.</summary>
    public required string Transport { get; init; }
    public required IPEndPoint Server { get; init; }
    public required IPAddress From { get; init; }
    public required int MediaPort { get; init; }

    /// <summary>What SRTP is offered under; null: RTP.</summary>
    public required SrtpSuite? Srtp { get; init; }

    /// <summary><c>pcmu</c> or <c>pcma</c>.</summary>
    public required string Codec { get; init; }

    /// <summary>Connections that the calls are spread over, where the transport has connections.</summary>
    public required int Connections { get; init; }

    /// <summary>The user part that <c>setup</c> and <c>play</c> call.</summary>
    public required string Play { get; init; }
    /// <summary>Where a flood comes from.</summary>
    public required IPAddress FloodFrom { get; init; }
    public int? ServerPid { get; init; }
}
