using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Media;

/// <summary>How the call sounds at both ends: what we hear, what the peer reports, how far it is, and what a listener would say of that.</summary>
internal sealed partial class MediaSession
{
    /// <summary>One second: less says nothing of how a call sounds.</summary>
    private const int LeastPackets = 50;

    /// <summary>What a receiver's buffer is taken to hold: two frames at least, and twice the jitter.</summary>
    private const double LeastBufferMs = 2 * Telephone.FrameMs, BuffersPerJitter = 2;

    private PeerReports _atPeer;
    private RoundTrips _referenceTimes;
    private TimeSpan? _roundTrip;
    private (uint Ssrc, uint Time, TimeSpan At)? _peerReference;
    private double _discarded;

    /// <summary>Telephones and browsers fill holes; one that says that it does not is believed.</summary>
    private Concealment _peerConcealment = Concealment.G711AppendixI;

    private TimeSpan Now => _engine.Time.GetElapsedTime(0);

    private MediaStatistics Measure()
    {
        var loss = _reception.Expected == 0 ? 0 : Math.Max(0, (double)_reception.Lost / _reception.Expected);
        var jitterMs = _reception.Jitter / 8.0;
        StreamQuality? atPeer = _atPeer.Any ? new StreamQuality(_atPeer.Loss, _atPeer.Jitter / (8.0 * _clock)) : null;
        // Whether machines or the other leg of a bridge hear it: the holes are heard, or filled, by a telephone in the end.
        VoiceRating? heard = _packetsReceived < LeastPackets ? null : EModel.Rate(loss, _reception.Losses.BurstRatio, Concealment.G711AppendixI, MouthToEar(jitterMs));
        VoiceRating? said = atPeer is { } peer && _packetsSent >= LeastPackets ? EModel.Rate(peer.Loss + _discarded, 1, _peerConcealment, MouthToEar(peer.JitterMs)) : null;
        return new MediaStatistics(_packetsSent, _packetsReceived, loss, jitterMs) { AtPeer = atPeer, RoundTrip = _roundTrip, Heard = heard, Said = said };
    }

    /// <summary>Half of the round trip, a frame at the sender, and the receiver's buffer.</summary>
    private TimeSpan MouthToEar(double jitterMs) =>
        TimeSpan.FromMilliseconds((_roundTrip?.TotalMilliseconds ?? 0) / 2 + Telephone.FrameMs + Math.Max(LeastBufferMs, BuffersPerJitter * jitterMs));

    private void TakeReport(in RtcpReport report)
    {
        var now = Now;
        TimeSpan? measured = null;
        if (report.AboutUs is { } block && _atPeer.Take(block, new SentStream(_firstSequence, (ushort)(_sequence - 1), _packetsSent - _sentBefore), now, out var bySender, _clock)) measured = bySender;
        var extended = report.Extended;
        if (extended.Answer is { } answer) measured ??= _referenceTimes.Measure(answer.LastReceiverReport, answer.Delay, now);
        if (extended.ReferenceTime is { } time) _peerReference = (report.SenderSsrc, Rtcp.Compact(time), now);
        if (extended.Voip is { } voip)
        {
            _discarded = voip.DiscardRate / 256.0;
            _peerConcealment = voip.Concealment ?? _peerConcealment;
        }
        // A single report may have waited in a queue: the mean moves by a quarter.
        if (measured is { } roundTrip) _roundTrip = _roundTrip is { } mean ? mean + (roundTrip - mean) / 4 : roundTrip;
    }

    /// <summary>What goes into the next report besides loss and jitter: what the peer's description asked for, and nothing else (RFC 3611 5).</summary>
    private ExtendedReport Extended(ulong ntp, bool isSender)
    {
        var asked = _agreed!.ExtendedReports;
        if (asked == SdpExtendedReports.None) return default;
        var now = Now;
        var measures = asked.HasFlag(SdpExtendedReports.RoundTrip);
        // Whoever sends media has SRs for that.
        ulong? reference = measures && !isSender ? ntp : null;
        if (reference is not null) _referenceTimes.Sent(Rtcp.Compact(ntp), now);
        ReferenceTimeAnswer? answer = measures && _peerReference is var (ssrc, time, at) ? new ReferenceTimeAnswer(ssrc, time, (uint)((now - at).TotalSeconds * 65536)) : null;
        return new ExtendedReport(reference, answer, asked.HasFlag(SdpExtendedReports.VoipMetrics) && _heardAny ? Voip() : null);
    }

    private VoipMetrics Voip()
    {
        var statistics = Measure();
        var losses = _reception.Losses;
        var rating = statistics.Heard;
        return new VoipMetrics(
            _peerSsrc, In256(statistics.Loss), 0, In256(losses.BurstDensity), In256(losses.GapDensity), Ms(losses.BurstPackets * Telephone.FrameMs), Ms(losses.GapPackets * Telephone.FrameMs),
            Ms(_roundTrip?.TotalMilliseconds ?? 0), Telephone.FrameMs, VoipMetrics.Unavailable, VoipMetrics.Unavailable, VoipMetrics.Unavailable, LossPattern.Gmin,
            rating is { } r ? (byte)Math.Clamp(Math.Round(r.Conversation), 0, 100) : VoipMetrics.Unavailable, VoipMetrics.Unavailable, InTenths(rating?.MosListening), InTenths(rating?.MosConversation),
            // Packets are used as they come: there is no jitter buffer, and concealment is not ours.
            0, 0, 0, 0);
    }

    private static byte In256(double share) => (byte)Math.Clamp(share * 256, 0, 255);

    private static ushort Ms(double ms) => (ushort)Math.Clamp(ms, 0, ushort.MaxValue);

    private static byte InTenths(double? mos) => mos is { } value ? (byte)Math.Round(value * 10) : VoipMetrics.Unavailable;
}
