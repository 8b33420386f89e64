namespace IvrActors.Grains.Interfaces.Policies;

/// <summary>What a limit says to one call.</summary>
public enum LimitResult
{
    Allowed = 0,

    /// <summary>Used up.</summary>
    Refused = 1,

    /// <summary>Nothing is left here, and the cluster may have more: it is worth some milliseconds.</summary>
    Soon = 2,

    /// <summary>The cluster cannot be asked, and the limit lets nobody in then.</summary>
    Unavailable = 3,
}

/// <param name="RetryAfter">When refused: how long until there is one more call.</param>
public readonly record struct LimitVerdict(LimitResult Result, TimeSpan RetryAfter)
{
    public static readonly LimitVerdict Allowed;
}

/// <summary>
/// The edge's side of one limit, pure: calls and places that are leased, what is asked for next, and what is done when nobody answers. It asks before it runs out, and for as much as it used
/// lately. Time is the edge's monotonic clock, in ticks. Not for two threads at once.
/// </summary>
public sealed class LimitLease
{
    /// <summary>Use of so long is kept ahead: many times the round trip to a grain, a tenth of what a lease may live.</summary>
    private const double Ahead = 0.3;

    private static readonly long s_life = LeaseTimes.Life.Ticks;
    private static readonly long s_period = LeaseTimes.Period.Ticks;
    private static readonly long s_surelyUsedUp = (LeaseTimes.Lapse + 2 * LeaseTimes.Period).Ticks;
    private static readonly long s_leastPause = TimeSpan.FromMilliseconds(5).Ticks;
    private static readonly long s_pauseAfterFailure = TimeSpan.FromMilliseconds(200).Ticks;

    private readonly LimitRule _rule;
    private readonly string _edge;
    private readonly long _incarnation;
    private readonly List<Grant> _grants = [];
    private readonly List<Grant> _told = [];
    private readonly Stock _ordinary;
    private readonly Stock _known;
    private long _epoch;
    private long _seq;
    private long _pending;
    private long _sentAt;
    private long _heardAt;
    private long? _countedAt;
    private long _nextAt;
    private int _failures;
    private long _alone;
    private (Grant Grant, bool Ordinary) _last;
    private int _ordinaryPlaces;
    private int _knownPlaces;
    private int _ordinaryWanted;
    private int _knownWanted;
    private bool _isOrdinaryShort;
    private bool _isKnownShort;
    private bool _isLeaving;

    public LimitLease(long now, LimitRule rule, string edge, long incarnation)
    {
        ArgumentNullException.ThrowIfNull(rule);
        (_rule, _edge, _incarnation, _heardAt, _nextAt) = (rule, edge, incarnation, now, now);
        var burst = rule.Calls?.Burst ?? 0;
        _ordinary = new Stock(Math.Clamp((burst - rule.CallsKept) / 8, Math.Min(1, burst), 8), Math.Max(1, burst / 2), now);
        _known = new Stock(Math.Clamp(rule.CallsKept / 4, Math.Min(1, rule.CallsKept), 8), Math.Max(1, burst / 2), now);
    }

    /// <summary>Calls that can be made without asking.</summary>
    public int Left(long now)
    {
        Expire(now);
        return _ordinary.Left + _known.Left;
    }

    /// <summary>Calls that are not over.</summary>
    public int InUse { get; private set; }

    /// <summary>Places that may be used without asking.</summary>
    public int Places => _ordinaryPlaces + _knownPlaces;

    /// <summary>
    /// Whether a first call of anybody finds something: the cluster gave calls and places, or has had none to give for longer than it holds back what was out before a restart, so that the
    /// limit is used up indeed.
    /// </summary>
    public bool IsReady(long now)
    {
        if (_countedAt is not { } since) return false;
        Expire(now);
        return ((_rule.Calls is null || _ordinary.Left > 0) && (_rule.AtOnce is null || _ordinaryPlaces > 0)) || now - since > s_surelyUsedUp;
    }

    /// <summary>Counts one call, if there is one left for this caller.</summary>
    public LimitVerdict TryTake(long now, bool isKnown)
    {
        _last = default;
        if (_rule.Calls is not { } limit) return LimitVerdict.Allowed;
        Expire(now);
        var stock = isKnown ? _known : _ordinary;
        stock.Asked++;
        if (Use(ordinary: true) || (isKnown && Use(ordinary: false))) return LimitVerdict.Allowed;
        if (IsAlone(now)) return _rule.OpenWhenUnavailable ? TakeAlone(now, limit, isKnown) : new LimitVerdict(LimitResult.Unavailable, TimeSpan.FromSeconds(1));
        return now < stock.AgainAt ? new LimitVerdict(LimitResult.Refused, TimeSpan.FromTicks(stock.MoreAt - now)) : new LimitVerdict(LimitResult.Soon, TimeSpan.Zero);
    }

    /// <summary>Takes back what <see cref="TryTake"/> just allowed: the call is not made after all.</summary>
    public void PutBack()
    {
        if (_last is not ({ IsClosed: false } grant, var ordinary)) return;
        _last = default;
        // The cluster may have heard of nothing since, or what it heard could not be taken back.
        if (ordinary) grant.OrdinaryUsed--;
        else grant.KnownUsed--;
        (ordinary ? _ordinary : _known).Left++;
    }

    /// <summary>Whether there is a place for one more call.</summary>
    public LimitVerdict HasPlace(long now, bool isKnown)
    {
        if (_rule.AtOnce is not { } most) return LimitVerdict.Allowed;
        if (now - _heardAt < s_life)
        {
            if (InUse < (isKnown ? Places : _ordinaryPlaces)) return LimitVerdict.Allowed;
            return new LimitVerdict(HasAllOrdinary && (!isKnown || HasAllKnown) ? LimitResult.Refused : LimitResult.Soon, TimeSpan.Zero);
        }
        if (!IsAlone(now)) return new LimitVerdict(LimitResult.Soon, TimeSpan.Zero);
        if (!_rule.OpenWhenUnavailable) return new LimitVerdict(LimitResult.Unavailable, TimeSpan.FromSeconds(1));
        return InUse < (isKnown ? most : most - _rule.SlotsKept) ? LimitVerdict.Allowed : new LimitVerdict(LimitResult.Refused, TimeSpan.Zero);
    }

    /// <summary>A call begins, whose place was asked for before; <see cref="Ended"/> gives it back.</summary>
    public void Begin() => InUse++;

    public void Ended() => InUse--;

    /// <summary>What is to be asked now; null: nothing. To be followed by <see cref="Answered"/> or <see cref="Failed"/>.</summary>
    public LimitAsk? Next(long now)
    {
        if (!IsDue(now)) return null;
        _last = default;
        Expire(now);
        Close(now);
        _ordinary.Measure(now);
        _known.Measure(now);
        (_pending, _sentAt) = (++_seq, now);
        var (heldOrdinary, heldKnown) = LowerPlaces();
        _told.Clear();
        _told.AddRange(_grants.Take(LimitAsk.MostNews));
        foreach (var grant in _told) (grant.ToldClosed, grant.ToldOrdinary, grant.ToldKnown) = (grant.IsClosed, grant.OrdinaryUsed, grant.KnownUsed);
        return new LimitAsk
        {
            Edge = _edge,
            Incarnation = _incarnation,
            Seq = _seq,
            Epoch = _epoch,
            Leases = [.. _told.Where(grant => !grant.IsForeign || grant.Left > 0).Select(grant => grant.News)],
            Ordinary = _rule.Calls is null ? 0 : _ordinary.Want,
            Known = _rule.Calls is null ? 0 : _known.Want,
            OrdinaryHeld = heldOrdinary,
            OrdinaryPlaces = _ordinaryWanted,
            KnownHeld = heldKnown,
            KnownPlaces = _knownWanted,
        };
    }

    /// <summary>The cluster answered request <paramref name="seq"/>; what comes late is not taken.</summary>
    public void Answered(long now, long seq, LimitGrant grant)
    {
        ArgumentNullException.ThrowIfNull(grant);
        if (seq != _pending) return;
        if (grant.Unavailable || (!grant.Counted && grant.Epoch == _epoch))
        {
            Failed(now, seq);
            return;
        }
        _pending = 0;
        if (!grant.Counted)
        {
            Adopt(grant.Epoch);
            _nextAt = now;
            return;
        }
        (_failures, _heardAt, _nextAt) = (0, _sentAt, now + s_period);
        _countedAt ??= now;
        foreach (var told in _told)
        {
            told.IsForeign = false;
            if (told.ToldClosed) _grants.Remove(told);
        }
        _ordinary.Granted(now, grant.Ordinary, grant.OrdinaryAfter);
        _known.Granted(now, grant.Known, grant.KnownAfter);
        if (grant.Ordinary + grant.Known > 0) _grants.Add(new Grant { Seq = seq, Ordinary = grant.Ordinary, Known = grant.Known, At = now, Expires = _sentAt + s_life });
        (_ordinaryPlaces, _knownPlaces) = (grant.OrdinaryPlaces, grant.KnownPlaces);
        (_isOrdinaryShort, _isKnownShort) = (_ordinaryPlaces < _ordinaryWanted, _knownPlaces < _knownWanted);
    }

    /// <summary>Request <paramref name="seq"/> was not answered: what became of it is not known.</summary>
    public void Failed(long now, long seq)
    {
        if (seq != _pending) return;
        _pending = 0;
        _nextAt = now + Math.Min(s_period, s_pauseAfterFailure << Math.Min(_failures, 4));
        _failures++;
    }

    /// <summary>Nothing is held any more: the process ends. What <see cref="Next"/> asks then gives all back, and does not wait for an answer that is on its way.</summary>
    public void GiveUp(long now)
    {
        _pending = 0;
        foreach (var grant in _grants.Where(grant => !grant.IsClosed)) CloseOne(grant);
        (_ordinary.Least, _known.Least, _nextAt, _isLeaving) = (0, 0, now, true);
    }

    /// <summary>Whether the cluster is silent for so long that what it granted is void.</summary>
    private bool IsAlone(long now) => _failures > 0 && now - _heardAt >= s_life;

    /// <summary>Whether <see cref="Next"/> is worth calling.</summary>
    public bool IsDue(long now)
    {
        if (_pending != 0) return false;
        if (now >= _nextAt) return true;
        if (_failures > 0 || now - _sentAt < s_leastPause) return false;
        if (_rule.Calls is not null && (_ordinary.IsLow(now) || _known.IsLow(now))) return true;
        if (_rule.AtOnce is null || InUse + (Headroom + 1) / 2 <= _ordinaryPlaces) return false;
        return !HasAllOrdinary || (InUse >= Places && !HasAllKnown);
    }

    /// <summary>Whether there are no more places to be had now.</summary>
    private bool HasAllOrdinary => _isOrdinaryShort || _ordinaryPlaces >= OrdinaryCapacity;

    private bool HasAllKnown => _isKnownShort || _knownPlaces >= _rule.SlotsKept;

    private int OrdinaryCapacity => (_rule.AtOnce ?? 0) - _rule.SlotsKept;

    private int Headroom => Math.Max(Math.Clamp(OrdinaryCapacity / 64, 1, 16), (int)Math.Min(OrdinaryCapacity / 4, Math.Ceiling(Math.Max(_ordinary.Rate + _known.Rate, 0) * Ahead)));

    /// <summary>Gives up places beyond what is wanted, before it says so.</summary>
    private (int Ordinary, int Known) LowerPlaces()
    {
        if (_rule.AtOnce is null) return default;
        var spare = _isLeaving ? 0 : Headroom;
        _ordinaryWanted = Math.Min(OrdinaryCapacity, InUse + spare);
        var beyond = Math.Max(0, InUse - Math.Min(_ordinaryPlaces, _ordinaryWanted));
        _knownWanted = Math.Min(_rule.SlotsKept, beyond + (_isLeaving ? 0 : Math.Clamp(_rule.SlotsKept / 8, 1, 16)));
        // A little more than wanted is kept, so that not each call that ends and begins is told.
        if (_ordinaryPlaces > _ordinaryWanted + spare) _ordinaryPlaces = _ordinaryWanted;
        if (_knownPlaces > _knownWanted) _knownPlaces = Math.Min(_knownPlaces, Math.Max(_knownWanted, InUse - _ordinaryPlaces));
        _ordinaryWanted = Math.Max(_ordinaryWanted, _ordinaryPlaces);
        _knownWanted = Math.Max(_knownWanted, _knownPlaces);
        return (_ordinaryPlaces, _knownPlaces);
    }

    private LimitVerdict TakeAlone(long now, RateLimit limit, bool isKnown)
    {
        var burst = isKnown ? limit : limit with { Burst = Math.Max(1, limit.Burst - _rule.CallsKept) };
        var decision = Gcra.Decide(now, burst, _alone);
        _alone = decision.TheoreticalArrival;
        return new LimitVerdict(decision.Allowed ? LimitResult.Allowed : LimitResult.Refused, decision.RetryAfter);
    }

    private bool Use(bool ordinary)
    {
        var stock = ordinary ? _ordinary : _known;
        if (stock.Left == 0) return false;
        foreach (var grant in _grants)
        {
            if (grant.IsClosed) continue;
            if (ordinary && grant.OrdinaryUsed < grant.Ordinary) grant.OrdinaryUsed++;
            else if (!ordinary && grant.KnownUsed < grant.Known) grant.KnownUsed++;
            else continue;
            stock.Left--;
            _last = (grant, ordinary);
            return true;
        }
        return false;
    }

    private void Expire(long now)
    {
        foreach (var grant in _grants)
        {
            if (grant.Expires > now) break;
            if (!grant.IsClosed) CloseOne(grant);
        }
    }

    /// <summary>Gives back what is old, and what is empty: but not the last that there is, nor what the new activation does not know yet.</summary>
    private void Close(long now)
    {
        for (var i = 0; i < _grants.Count; i++)
        {
            var grant = _grants[i];
            if (grant.IsClosed || grant.IsForeign) continue;
            var isOld = now - grant.At >= s_period && i < _grants.Count - 1;
            if (grant.Left == 0 || isOld) CloseOne(grant);
        }
    }

    private void CloseOne(Grant grant)
    {
        _ordinary.Left -= grant.Ordinary - grant.OrdinaryUsed;
        _known.Left -= grant.Known - grant.KnownUsed;
        grant.IsClosed = true;
    }

    /// <summary>Another activation answers: it is told what is left of what the one before granted.</summary>
    private void Adopt(long epoch)
    {
        _epoch = epoch;
        _grants.RemoveAll(grant => grant.IsClosed || grant.Left == 0);
        foreach (var grant in _grants)
        {
            (grant.Ordinary, grant.Known) = (grant.Ordinary - grant.OrdinaryUsed, grant.Known - grant.KnownUsed);
            (grant.OrdinaryUsed, grant.KnownUsed, grant.IsForeign) = (0, 0, true);
        }
    }

    private sealed class Grant
    {
        public required long Seq { get; init; }
        public required int Ordinary { get; set; }
        public required int Known { get; set; }
        public required long At { get; init; }
        public required long Expires { get; init; }
        public int OrdinaryUsed { get; set; }
        public int KnownUsed { get; set; }

        /// <summary>Not to be used any more.</summary>
        public bool IsClosed { get; set; }

        /// <summary>Granted by an activation before the one that answers now, which has not counted it yet.</summary>
        public bool IsForeign { get; set; }

        /// <summary>As the request that is under way says.</summary>
        public bool ToldClosed { get; set; }
        public int ToldOrdinary { get; set; }
        public int ToldKnown { get; set; }

        public int Left => IsClosed ? 0 : Ordinary - OrdinaryUsed + Known - KnownUsed;

        public LeaseNews News => new()
        {
            Seq = Seq,
            OrdinaryUsed = ToldOrdinary,
            KnownUsed = ToldKnown,
            Closed = ToldClosed,
            OrdinaryLeft = IsForeign ? Ordinary : 0,
            KnownLeft = IsForeign ? Known : 0,
        };
    }

    /// <summary>Calls of one kind that are left, and how many are wanted.</summary>
    private sealed class Stock(int least, int most, long now)
    {
        private long _measuredAt = now;
        private int _counted;

        public int Least { get; set; } = least;
        public int Left { get; set; }

        /// <summary>Calls that were asked for since the last request, refused ones too.</summary>
        public int Asked { get; set; }

        /// <summary>Calls a second, lately.</summary>
        public double Rate { get; private set; }

        /// <summary>Until then the cluster has no more; and when it says that it will.</summary>
        public long AgainAt { get; private set; }
        public long MoreAt { get; private set; }

        public int Want { get; private set; }

        private int Target => (int)Math.Clamp(Math.Max(Rate * Ahead, Asked), Least, Math.Max(Least, most));

        public bool IsLow(long now) => Left * 2 < Target && now >= AgainAt;

        public void Measure(long now)
        {
            Want = Math.Max(0, Target - Left);
            _counted += Asked;
            Asked = 0;
            var time = TimeSpan.FromTicks(now - _measuredAt).TotalSeconds;
            if (time < 0.1) return;
            Rate += (1 - Math.Exp(-time)) * (_counted / time - Rate);
            (_counted, _measuredAt) = (0, now);
        }

        public void Granted(long now, int count, TimeSpan after)
        {
            Left += count;
            // What there was of it is asked for again soon: others give back, and time adds to it.
            MoreAt = count < Want ? now + Math.Max(s_leastPause * 2, after.Ticks) : 0;
            AgainAt = Math.Min(MoreAt, now + s_period);
        }
    }
}
