using System.Net;
using IvrActors.Edge.Media;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Edge.Calls;

/// <summary>A call's dialog as the cluster keeps it, and back again.</summary>
internal static class CallDialogs
{
    public static CallDialog Of(SipCall sip, IMediaSession media, DateTimeOffset since, DateTimeOffset? endBy)
    {
        var (record, peer, origin) = (sip.Dialog.ToRecord(), sip.Peer, media.Origin);
        return new CallDialog
        {
            CallId = new PersonalText(record.Id.CallId),
            LocalTag = record.Id.LocalTag,
            RemoteTag = record.Id.RemoteTag,
            Local = new PersonalText(record.Local),
            Remote = new PersonalText(record.Remote),
            Routes = [.. record.Routes.Select(route => new PersonalText(route))],
            Target = new PersonalText(record.Target),
            LocalSequence = record.LocalSequence,
            RemoteSequence = record.RemoteSequence,
            IsSecure = record.IsSecure,
            IsCaller = record.IsCaller,
            Transport = (CallTransport)peer.Transport,
            Peer = new PersonalText(peer.EndPoint.ToString()),
            Tenant = peer.Trunk.Tenant,
            Trunk = peer.Trunk.Name,
            EntryTenant = peer.Entry.Tenant,
            Entry = peer.Entry.Name,
            Keying = media.Keying,
            SdpSession = origin.SessionId,
            SdpVersion = origin.Version,
            SdpAddress = origin.Address,
            Since = since,
            EndBy = endBy,
        };
    }

    /// <summary>Null when it cannot be read: the number of the version that wrote it is higher than ours.</summary>
    public static Dialog? DialogOf(CallDialog kept, int jump) => Dialog.OfRecord(new DialogRecord
    {
        Id = new DialogId(kept.CallId.Reveal(), kept.LocalTag, kept.RemoteTag),
        Local = kept.Local.Reveal(),
        Remote = kept.Remote.Reveal(),
        Routes = [.. kept.Routes.Select(route => route.Reveal())],
        Target = kept.Target.Reveal(),
        LocalSequence = kept.LocalSequence,
        RemoteSequence = kept.RemoteSequence,
        IsSecure = kept.IsSecure,
        IsCaller = kept.IsCaller,
    }, jump);

    /// <summary>Where the peer spoke from last, over a connection that is not ours; null where the trunk is not one of this edge's.</summary>
    public static SipPeer? PeerOf(CallDialog kept, IReadOnlyList<EdgeTrunk> trunks)
    {
        var trunk = Find(kept.Tenant, kept.Trunk);
        var entry = Find(kept.EntryTenant, kept.Entry);
        if (trunk is null || entry is null || !Enum.IsDefined(kept.Transport) || !IPEndPoint.TryParse(kept.Peer.Reveal(), out var endPoint)) return null;
        return new SipPeer((SipTransport)kept.Transport, endPoint, 0, entry).As(trunk);

        EdgeTrunk? Find(string tenant, string name) => trunks.FirstOrDefault(known => known.Name == name && known.Tenant == tenant);
    }

    /// <summary>Media like those before: neither is a call in clear all at once encrypted, which its peer may not know, nor the other way round.</summary>
    public static MediaPolicy PolicyOf(CallDialog kept, SipPeer peer)
    {
        var trunk = peer.Trunk;
        return new MediaPolicy(peer.IsSecure, kept.Keying == CallKeying.None ? SrtpPolicy.Off : SrtpPolicy.Required, trunk.SdesWithoutTls)
        {
            Family = peer.EndPoint.AddressFamily,
            Codecs = trunk.Codecs,
            Suites = trunk.SrtpSuites,
            Offers = kept.Keying == CallKeying.Dtls ? SrtpOffers.Dtls : SrtpOffers.Sdes,
            Tones = trunk.Tones,
            Follows = new SdpOrigin(kept.SdpSession, kept.SdpVersion, kept.SdpAddress),
        };
    }
}
