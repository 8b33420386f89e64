using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Callers;

/// <summary>A device that is to be registered.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.PendingDevice")]
public sealed class PendingDevice
{
    /// <summary>SHA-256 of the link's secret, which has 256 random bits.</summary>
    [Id(0)] public required byte[] Link { get; init; }
    [Id(1)] public required DateTimeOffset Expires { get; init; }

    /// <summary>What the device is to answer to; null until the page was opened.</summary>
    [Id(2)] public byte[]? Challenge { get; init; }

    internal PendingDevice With(byte[] challenge) => new() { Link = Link, Expires = Expires, Challenge = challenge };
}

/// <summary>A call that waits for a device, or that one has approved.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.AskedApproval")]
public sealed class AskedApproval
{
    /// <summary>The only call in which it counts.</summary>
    [Id(0)] public required CallId Call { get; init; }
    [Id(1)] public required byte[] Challenge { get; init; }
    [Id(2)] public required DateTimeOffset At { get; init; }
    [Id(3)] public required DateTimeOffset Expires { get; init; }

    /// <summary>Of the number that the caller is to key in; null until it was approved.</summary>
    [Id(4)] public SecretTag? Number { get; init; }
}
