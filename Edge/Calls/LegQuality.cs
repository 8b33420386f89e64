using IvrActors.Edge.Media;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>What a call's media measured, as the cluster hears of it.</summary>
internal static class LegQuality
{
    /// <summary>Null when nothing was heard, at either end.</summary>
    public static MediaQuality? Of(in MediaStatistics media) => media.PacketsReceived == 0 && media.AtPeer is null ? null : new MediaQuality
    {
        Loss = media.Loss,
        JitterMs = media.JitterMs,
        PeerLoss = media.AtPeer?.Loss,
        PeerJitterMs = media.AtPeer?.JitterMs,
        RoundTripMs = media.RoundTrip?.TotalMilliseconds,
        Mos = media.Mos,
    };
}
