using Prometheus;

namespace IvrActors.Edge.Dtls;

/// <summary>The DTLS part of the edge's metrics.</summary>
internal static class DtlsMetrics
{
    private static readonly Counter Handshakes = Metrics.CreateCounter(
        "ivr_dtls_handshakes_total", "DTLS handshakes by how they ended; busy: not begun, since no place was left, or none for its host.", "result");

    public static readonly Histogram Duration = Metrics.CreateHistogram(
        "ivr_dtls_handshake_seconds", "DTLS handshakes that succeeded, from the ClientHello with a cookie to the keys.",
        new HistogramConfiguration { Buckets = [0.005, 0.010, 0.020, 0.050, 0.100, 0.200, 0.500, 1, 2, 5, 12] });

    public static void Ended(string result) => Handshakes.WithLabels(result).Inc();
}
