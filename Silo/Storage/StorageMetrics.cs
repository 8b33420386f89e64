using System.Collections.Concurrent;
using Prometheus;

namespace IvrActors.Silo.Storage;

/// <summary>Metrics of storage. <c>state</c> is a state's name in the code, never a grain's key.</summary>
internal static class StorageMetrics
{
    // 0.1 ms to 3.3 s: a write to SQLite takes 0.2 ms without and about 0.7 ms with waiting for the disk.
    private static readonly double[] s_seconds = Histogram.ExponentialBuckets(0.0001, 2, 16);

    private static readonly Histogram s_operations = Metrics.CreateHistogram(
        "ivr_storage_seconds", "Time of a storage operation, waiting for its batch included.",
        new HistogramConfiguration { LabelNames = ["operation", "state"], Buckets = s_seconds });

    private static readonly Histogram s_encryption = Metrics.CreateHistogram(
        "ivr_encryption_seconds", "Time to serialize and encrypt, or to decrypt and deserialize, a grain's state.",
        new HistogramConfiguration { LabelNames = ["operation"], Buckets = Histogram.ExponentialBuckets(0.000002, 2, 14) });

    // A look-up by labels costs more than what it is for.
    private static readonly ConcurrentDictionary<(Operation, string), Histogram.Child> s_children = new();

    public static readonly Histogram.Child Protect = s_encryption.WithLabels("protect");

    public static readonly Histogram.Child Unprotect = s_encryption.WithLabels("unprotect");

    public static readonly Counter Tampered = Metrics.CreateCounter(
        "ivr_storage_tampered_total", "Stored rows refused because they were changed, moved or put back. Every one is an alarm.", "state");

    public static readonly Counter Errors = Metrics.CreateCounter("ivr_storage_errors_total", "Storage operations that failed.", "operation");

    public static Histogram.Child Of(Operation operation, string state) =>
        s_children.GetOrAdd((operation, state), static key => s_operations.WithLabels(NameOf(key.Item1), key.Item2));

    public static string NameOf(Operation operation) => operation switch { Operation.Read => "read", Operation.Write => "write", _ => "clear" };
}

internal enum Operation
{
    Read,
    Write,
    Clear,
}
