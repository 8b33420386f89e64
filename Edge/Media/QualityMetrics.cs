using Prometheus;

namespace IvrActors.Edge.Media;

/// <summary>How calls sounded: one observation for each media session, at its end, so that a long call counts as much as a short one.</summary>
internal static class QualityMetrics
{
    // 4.34, 4.03, 3.60, 3.10 and 2.58 are the classes of ITU-T G.109: very satisfied, satisfied, some, many and nearly all dissatisfied.
    private static readonly Histogram s_mos = Metrics.CreateHistogram(
        "ivr_call_mos", "Mean opinion of a call as estimated by the E-model (MOS-CQ, 1 to 4.5), in its worse direction.",
        new HistogramConfiguration { Buckets = [1.5, 2, 2.58, 3.1, 3.6, 3.8, 4.03, 4.2, 4.34, 4.4, 4.5] });

    private static readonly Histogram s_loss = Metrics.CreateHistogram(
        "ivr_rtp_loss_ratio", "Fraction of a call's RTP packets that did not arrive: in, by our count; out, by the peer's reports.",
        new HistogramConfiguration { LabelNames = ["direction"], Buckets = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1] });

    private static readonly Histogram s_jitter = Metrics.CreateHistogram(
        "ivr_rtp_jitter_seconds", "Interarrival jitter at the end of a call: in, by our count; out, by the peer's reports.",
        new HistogramConfiguration { LabelNames = ["direction"], Buckets = [0.001, 0.002, 0.005, 0.010, 0.015, 0.020, 0.030, 0.050, 0.100, 0.250, 1] });

    private static readonly Histogram s_roundTrip = Metrics.CreateHistogram(
        "ivr_rtp_round_trip_seconds", "Round trip of a call's RTP, by RTCP.",
        new HistogramConfiguration { Buckets = [0.002, 0.005, 0.010, 0.020, 0.040, 0.080, 0.120, 0.160, 0.200, 0.300, 0.400, 0.600, 1, 2.5] });

    private static readonly (Histogram.Child Loss, Histogram.Child Jitter) s_in = (s_loss.WithLabels("in"), s_jitter.WithLabels("in"));
    private static readonly (Histogram.Child Loss, Histogram.Child Jitter) s_out = (s_loss.WithLabels("out"), s_jitter.WithLabels("out"));

    public static void Observe(in MediaStatistics media)
    {
        if (media.PacketsReceived > 0) Observe(s_in, media.Loss, media.JitterMs);
        if (media.AtPeer is { } peer) Observe(s_out, peer.Loss, peer.JitterMs);
        if (media.RoundTrip is { } roundTrip) s_roundTrip.Observe(roundTrip.TotalSeconds);
        if (media.Mos is { } mos) s_mos.Observe(mos);
    }

    private static void Observe((Histogram.Child Loss, Histogram.Child Jitter) direction, double loss, double jitterMs)
    {
        direction.Loss.Observe(loss);
        direction.Jitter.Observe(jitterMs / 1000);
    }
}
