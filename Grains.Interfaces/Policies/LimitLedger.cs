namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>What of a ledger must outlive it. Stored, with room to spare, before what goes beyond it is granted.</summary>
/// <param name="FullAt">When the bucket is full again at the latest, if nothing more is granted.</param>
/// <param name="Places">What each edge has at most.</param>
public sealed record LimitBounds(long FullAt, IReadOnlyDictionary<PlaceHolder, (int Ordinary, int Known)> Places)
{
    public static readonly LimitBounds None = new(long.MinValue, new Dictionary<PlaceHolder, (int, int)>());
}

/// <summary>The grain's side of one limit, pure: whose requests count, and what is granted to them. Time is the silo's monotonic clock, in ticks.</summary>
public sealed class LimitLedger
{
    /// <summary>The bucket is noted as emptier than it is by so much: one write in so long while calls come all the time. After a restart it is taken for as empty, and no emptier than empty.</summary>
    private static readonly long s_room = TimeSpan.FromSeconds(2).Ticks;

    /// <summary>Who was silent for so long asks by a higher number, if at all: nothing is on its way for minutes.</summary>
    private static readonly long s_forgotten = TimeSpan.FromMinutes(10).Ticks;

    private readonly RateBank? _rate;
    private readonly PlaceBank? _ordinary;
    private readonly PlaceBank? _known;
    private readonly Dictionary<long, Talker> _talkers = [];
    private LimitBounds _stored;

    /// <param name="epoch">Random, not 0: tells this activation from others.</param>
    /// <param name="before">What an activation before this one stored, its time in terms of <paramref name="now"/>.</param>
    public LimitLedger(long now, long epoch, LimitRule rule, TimeSpan longestCall, LimitBounds before)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(before);
        (_stored, Epoch) = (before, epoch);
        // What was out did not let the bucket fill, and may be used until it lapses: only from then on it is sure to have filled.
        var sureFrom = now - LeaseTimes.Lapse.Ticks;
        if (rule.Calls is { } calls) _rate = new RateBank(now, calls, rule.CallsKept, TimeSpan.FromTicks(before.FullAt > sureFrom ? before.FullAt - sureFrom : 0));
        if (rule.AtOnce is not { } most) return;
        _ordinary = new PlaceBank(most - rule.SlotsKept, longestCall);
        _known = new PlaceBank(rule.SlotsKept, longestCall);
        foreach (var (holder, places) in before.Places)
        {
            _ordinary.Restore(now, holder, places.Ordinary);
            _known.Restore(now, holder, places.Known);
        }
    }

    public long Epoch { get; }

    /// <summary>Calls and places that edges have.</summary>
    public int CallsOut => _rate?.Out ?? 0;
    public int PlacesOut => (_ordinary?.Held ?? 0) + (_known?.Held ?? 0);

    /// <summary>What is to be stored before the last answer is given; null: what is stored covers it. With some room, so that few answers wait for a write.</summary>
    public LimitBounds? ToStore(long now)
    {
        var places = Places();
        var full = now + (_rate?.Used.Ticks ?? 0);
        var isCovered = full <= Math.Max(now, _stored.FullAt);
        foreach (var (holder, (ordinary, known)) in places) isCovered &= _stored.Places.TryGetValue(holder, out var most) && most.Ordinary >= ordinary && most.Known >= known;
        if (isCovered) return null;
        return _stored = new LimitBounds(full + s_room, places.ToDictionary(one => one.Key, one => (WithRoom(one.Value.Ordinary), WithRoom(one.Value.Known))));
    }

    /// <summary>As many more of a place as need no further write: an eighth.</summary>
    private static int WithRoom(int places) => places == 0 ? 0 : places + Math.Max(4, places / 8);

    public LimitGrant Ask(long now, LimitAsk ask)
    {
        ArgumentNullException.ThrowIfNull(ask);
        var last = _talkers.GetValueOrDefault(ask.Incarnation);
        if (ask.Epoch != Epoch || ask.Seq <= last.Seq) return new LimitGrant { Epoch = Epoch, Counted = false };
        _talkers[ask.Incarnation] = new Talker(ask.Seq, now);
        var shared = Forget(now) > 1;
        var holder = new PlaceHolder(ask.Edge, ask.Incarnation);
        var (ordinary, known, after) = Rate(now, ask, shared);
        return new LimitGrant
        {
            Epoch = Epoch,
            Counted = true,
            Ordinary = ordinary,
            Known = known,
            OrdinaryAfter = after.Ordinary,
            KnownAfter = after.Known,
            OrdinaryPlaces = _ordinary?.Ask(now, holder, ask.OrdinaryHeld, ask.OrdinaryPlaces, shared) ?? 0,
            KnownPlaces = _known?.Ask(now, holder, ask.KnownHeld, ask.KnownPlaces, shared) ?? 0,
        };
    }

    /// <summary>An edge is gone, and others go on with its calls. Returns what is to be stored, so that no activation after this one finds its places again.</summary>
    public LimitBounds EdgeGone(long now, string edge)
    {
        _ordinary?.EdgeGone(now, edge);
        _known?.EdgeGone(now, edge);
        return _stored = new LimitBounds(Math.Max(_stored.FullAt, now + (_rate?.Used.Ticks ?? 0)), Places().ToDictionary(one => one.Key, one => (WithRoom(one.Value.Ordinary), WithRoom(one.Value.Known))));
    }

    private Dictionary<PlaceHolder, (int Ordinary, int Known)> Places()
    {
        var places = new Dictionary<PlaceHolder, (int Ordinary, int Known)>();
        foreach (var (holder, count) in _ordinary?.Holdings ?? []) places[holder] = (count, 0);
        foreach (var (holder, count) in _known?.Holdings ?? []) places[holder] = (places.GetValueOrDefault(holder).Ordinary, count);
        return places;
    }

    private (int Ordinary, int Known, (TimeSpan Ordinary, TimeSpan Known) After) Rate(long now, LimitAsk ask, bool shared)
    {
        if (_rate is not { } rate) return default;
        foreach (var news in ask.Leases.Take(LimitAsk.MostNews)) rate.Take(now, ask.Incarnation, news);
        var (ordinary, known) = rate.Grant(now, ask.Incarnation, ask.Seq, ask.Ordinary, ask.Known, shared);
        return (ordinary, known, rate.Until(now));
    }

    /// <summary>How many processes ask these days.</summary>
    private int Forget(long now)
    {
        var recent = 0;
        foreach (var (incarnation, talker) in _talkers)
        {
            if (now - talker.HeardAt < LeaseTimes.Lapse.Ticks) recent++;
            else if (now - talker.HeardAt >= s_forgotten) _talkers.Remove(incarnation);
        }
        return recent;
    }

    private readonly record struct Talker(long Seq, long HeardAt);
}
