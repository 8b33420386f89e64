using IvrActors.Grains.Privacy;
using Prometheus;

namespace IvrActors.Grains.Callers;

/// <summary>Argon2id with the cluster's peppers, timed and counted.</summary>
internal class PinHasher(IClusterKeys keys)
{
    private static readonly Histogram s_time = Metrics.CreateHistogram(
        "ivr_pin_hash_seconds", "Time of one Argon2id computation.", new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.005, 2, 10) });

    public virtual bool Matches(PinHash stored, ReadOnlySpan<byte> pin)
    {
        using var _ = s_time.NewTimer();
        var pepper = keys.PepperOf(stored.PepperVersion);
        // The same work where the pepper is not here.
        return stored.Matches(pin, pepper.IsEmpty ? keys.Pepper : pepper) & !pepper.IsEmpty;
    }

    /// <summary>Whether the pepper of this hash is known here. It is not where another silo was given a new one and this one was not restarted yet.</summary>
    public bool HasPepperOf(PinHash stored) => !keys.PepperOf(stored.PepperVersion).IsEmpty;

    public virtual PinHash Make(ReadOnlySpan<byte> pin, byte[] salt, PinCost cost)
    {
        using var _ = s_time.NewTimer();
        return PinHash.Make(pin, salt, cost, keys.Pepper, keys.PepperVersion);
    }
}
