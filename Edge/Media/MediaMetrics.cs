using Prometheus;

namespace IvrActors.Edge.Media;

/// <summary>The media part of the edge's metrics. Loops add to them in batches, never per packet.</summary>
internal static class MediaMetrics
{
    private static readonly Counter Packets = Metrics.CreateCounter("ivr_rtp_packets_total", "RTP packets sent to and accepted from peers.", "direction");

    public static readonly Counter.Child PacketsOut = Packets.WithLabels("out");
    public static readonly Counter.Child PacketsIn = Packets.WithLabels("in");

    public static readonly Counter Relayed = Metrics.CreateCounter("ivr_rtp_relayed_total", "RTP packets that went from one leg of a bridged call to the other.");

    public static readonly Histogram SendGap = Metrics.CreateHistogram(
        "ivr_rtp_send_gap_seconds", "Time between two RTP packets of one call; 0.02 is right.",
        new HistogramConfiguration { Buckets = [0.010, 0.016, 0.018, 0.019, 0.0205, 0.021, 0.022, 0.025, 0.030, 0.040, 0.060, 0.100, 0.250, 1] });

    public static readonly Counter SrtpAuthFailures = Metrics.CreateCounter("ivr_srtp_auth_failures_total", "SRTP and SRTCP packets whose tag did not verify.");

    public static readonly Counter.Child Digits =
        Metrics.CreateCounter("ivr_dtmf_digits_total", "Keys heard, by how they came.", "source").WithLabels("rfc4733");

    public static readonly Counter SkippedPrompts = Metrics.CreateCounter("ivr_prompts_skipped_total", "Prompts that a caller did not hear because they could not be spoken.");

    public static readonly Gauge Sessions = Metrics.CreateGauge("ivr_media_sessions_active", "Open media sessions.");
}
