using System.Globalization;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>How a call sounded, as its edge measured it: nothing of what was said.</summary>
[GenerateSerializer, Immutable, Alias("ivr.MediaQuality")]
public sealed class MediaQuality
{
    /// <summary>Of what came from the caller: fraction of packets lost (0 to 1), and interarrival jitter in ms (RFC 3550 6.4.1).</summary>
    [Id(0)] public double Loss { get; init; }
    [Id(1)] public double JitterMs { get; init; }

    /// <summary>The same of what went to the caller, by the caller's reports; null when none came.</summary>
    [Id(2)] public double? PeerLoss { get; init; }
    [Id(3)] public double? PeerJitterMs { get; init; }

    /// <summary>Null when it could not be measured.</summary>
    [Id(4)] public double? RoundTripMs { get; init; }

    /// <summary>Estimate of the mean opinion of a conversation, 1 to 4.5, in the worse direction (ITU-T G.107); null when too little was heard.</summary>
    [Id(5)] public double? Mos { get; init; }

    /// <summary>As records show it: <c>mos=4.31 loss=0.1%/0.0% jitter=2/3ms rtt=48ms</c>, ours before the peer's, a dash for what is not known.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"mos={Or(Mos, "0.00")} loss={100 * Loss:0.0}%/{Or(100 * PeerLoss, "0.0")}% jitter={JitterMs:0}/{Or(PeerJitterMs, "0")}ms rtt={Or(RoundTripMs, "0")}ms");

    private static string Or(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
