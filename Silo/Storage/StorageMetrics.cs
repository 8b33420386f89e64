using Prometheus;

namespace IvrActors.Silo.Storage;

/// <summary>Metrics of storage. <c>state</c> is a state's name in the code, never a grain's key.</summary>
internal static class StorageMetrics
{
    // 0.1 ms to 3.3 s: a write to SQLite takes 0.2 ms without and about 0.7 ms with waiting for the disk.
    private static readonly double[] s_seconds = Histogram.ExponentialBuckets(0.0001, 2, 16);

    public static readonly Histogram Operations = Metrics.CreateHistogram(
        "ivr_storage_seconds", "Time of a storage operation, waiting for the writer's gate included.",
        new HistogramConfiguration { LabelNames = ["operation", "state"], Buckets = s_seconds });

    public static readonly Histogram Encryption = Metrics.CreateHistogram(
        "ivr_encryption_seconds", "Time to serialize and encrypt, or to decrypt and deserialize, a grain's state.",
        new HistogramConfiguration { LabelNames = ["operation"], Buckets = Histogram.ExponentialBuckets(0.000002, 2, 14) });

    public static readonly Counter Tampered = Metrics.CreateCounter(
        "ivr_storage_tampered_total", "Stored rows refused because they were changed, moved or put back. Every one is an alarm.", "state");

    public static readonly Counter Errors = Metrics.CreateCounter("ivr_storage_errors_total", "Storage operations that failed.", "operation");
}
