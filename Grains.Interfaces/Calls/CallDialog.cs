using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>
/// What another edge needs to go on with a call's SIP dialog (RFC 3261 12): it is kept with the call's state, for the day on which the call's own edge is gone. There is no media key in it:
/// the re-INVITE by which a call is taken over has new ones, and so has its answer.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallDialog")]
public sealed class CallDialog
{
    [Id(0)] public required PersonalText CallId { get; init; }
    [Id(1)] public required string LocalTag { get; init; }

    /// <summary>Empty of a peer of RFC 2543.</summary>
    [Id(2)] public required string RemoteTag { get; init; }

    /// <summary>Our side's and the peer's From or To, with tags, as they stand in our requests.</summary>
    [Id(3)] public required PersonalText Local { get; init; }
    [Id(4)] public required PersonalText Remote { get; init; }

    /// <summary>Route set, in the order of our requests.</summary>
    [Id(5)] public required List<PersonalText> Routes { get; init; }

    /// <summary>Remote target: the peer's Contact.</summary>
    [Id(6)] public required PersonalText Target { get; init; }

    /// <summary>CSeq of the last request of ours that this edge knows of, and of the peer's; null when it sent none.</summary>
    [Id(7)] public required uint LocalSequence { get; init; }
    [Id(8)] public required uint? RemoteSequence { get; init; }

    /// <summary>Whether it is a dialog of sips URIs, and whether we made the call.</summary>
    [Id(9)] public required bool IsSecure { get; init; }
    [Id(10)] public required bool IsCaller { get; init; }

    /// <summary>Where the peer spoke from last.</summary>
    [Id(11)] public required CallTransport Transport { get; init; }
    [Id(12)] public required PersonalText Peer { get; init; }

    /// <summary>Whose call it is, and the trunk as which the peer's address let it in: another one where a password decided.</summary>
    [Id(13)] public required string Tenant { get; init; }
    [Id(14)] public required string Trunk { get; init; }
    [Id(15)] public required string EntryTenant { get; init; }
    [Id(16)] public required string Entry { get; init; }

    [Id(17)] public required CallKeying Keying { get; init; }

    /// <summary>The <c>o=</c> line of our last description: session, version and address (RFC 3264 8).</summary>
    [Id(18)] public required uint SdpSession { get; init; }
    [Id(19)] public required int SdpVersion { get; init; }
    [Id(20)] public required string SdpAddress { get; init; }

    /// <summary>When the call came in or was answered, and when one of our own has used up what was set aside for it.</summary>
    [Id(21)] public required DateTimeOffset Since { get; init; }
    [Id(22)] public DateTimeOffset? EndBy { get; init; }

    public override string ToString() => "[dialog]";
}

[GenerateSerializer, Alias("ivr.CallTransport")]
public enum CallTransport
{
    Udp = 0,
    Tcp = 1,
    Tls = 2,
    Ws = 3,
    Wss = 4,
}

/// <summary>How a call's media are keyed.</summary>
[GenerateSerializer, Alias("ivr.CallKeying")]
public enum CallKeying
{
    /// <summary>Plain RTP.</summary>
    None = 0,
    Sdes = 1,
    Dtls = 2,
}

/// <summary>
/// Go on with a call whose edge is gone: begin its media anew by a re-INVITE, and when that is answered say so by <see cref="CallResumed"/>; when it cannot be, by <see cref="TakeOverFailed"/>.
/// Sent by itself, and never part of a reply.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.TakeOver")]
public sealed class TakeOver : CallCommand
{
    /// <summary>Number of the event that is to be sent next, and which of the call's owners the edge is: it stands in all of its events.</summary>
    [Id(0)] public required int Seq { get; init; }
    [Id(1)] public required int Epoch { get; init; }

    /// <summary>The life of the edge that is meant; another one refuses.</summary>
    [Id(2)] public required string Incarnation { get; init; }
    [Id(3)] public required CallDialog Dialog { get; init; }
    [Id(4)] public required string Flow { get; init; }
    [Id(5)] public required string Step { get; init; }
    [Id(6)] public required bool Verified { get; init; }
}

/// <summary>End a call whose edge is gone and with which nobody can go on: BYE in each of its dialogs. Sent by itself, and answered by nothing.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.EndDialogs")]
public sealed class EndDialogs : CallCommand
{
    [Id(0)] public required List<CallDialog> Dialogs { get; init; }
}
