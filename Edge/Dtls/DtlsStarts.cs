using IvrActors.Edge.Rtp;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// How often handshakes of one association are begun, by who asks for it: each costs some ms of a core, and a client that alternates between two hellos would have it without
/// end. Who has begun none lately gets its turn whatever the others do. Pure; times are in ticks of 100 ns.
/// </summary>
internal sealed class DtlsStarts
{
    /// <summary>A client begins once, and again when it has lost us or its user has; the third time is for luck.</summary>
    public static readonly RateLimit Limit = new(1, TimeSpan.FromSeconds(1), 3);

    /// <summary>Sources whose starts are counted at once; others wait until one of these has used nothing for a while.</summary>
    public const int MostSources = 8;

    private readonly (MediaAddress Source, long Arrival)[] _sources = new (MediaAddress, long)[MostSources];
    private long _expected;

    public bool TryTake(long now, MediaAddress from, bool isExpected)
    {
        if (isExpected) return TryTake(now, ref _expected);
        var source = DtlsHandshakes.SourceOf(from);
        var at = Array.FindIndex(_sources, one => one.Source == source);
        if (at < 0) at = Array.FindIndex(_sources, one => one.Arrival <= now);
        if (at < 0) return false;
        if (_sources[at].Source != source) _sources[at] = (source, 0);
        return TryTake(now, ref _sources[at].Arrival);
    }

    private static bool TryTake(long now, ref long arrival)
    {
        var decision = Gcra.Decide(now, Limit, arrival);
        arrival = decision.TheoreticalArrival;
        return decision.Allowed;
    }
}
