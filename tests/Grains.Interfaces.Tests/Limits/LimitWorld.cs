using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Interfaces.Tests.Limits;

/// <summary>One limit and the edges that share it, over a network that loses, delays and repeats, in virtual time. Time is that of the grain; each edge has a clock of its own.</summary>
internal sealed class LimitWorld
{
    public const long Step = TimeSpan.TicksPerMillisecond * 5;
    public static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(20);

    private static readonly long s_timeout = TimeSpan.FromSeconds(1).Ticks;

    private readonly Random _random;
    private readonly LimitRule _rule;
    private readonly PriorityQueue<Action, long> _events = new();
    private readonly List<Edge> _edges = [];
    private LimitBounds _stored = LimitBounds.None;
    private LimitLedger _ledger;

    public LimitWorld(int seed, LimitRule rule, int edges)
    {
        (_random, _rule) = (new Random(seed), rule);
        _ledger = Activate();
        for (var i = 0; i < edges; i++) _edges.Add(new Edge(this, $"edge-{i}"));
    }

    public long Now { get; private set; } = TimeSpan.TicksPerDay;

    /// <summary>Share of messages that are lost, that come late, and requests that come once more later.</summary>
    public double Loss { get; set; }
    public double Delay { get; set; }
    public double Repeats { get; set; }

    /// <summary>Chance in a second that the grain, or an edge, is gone and comes back without its memory.</summary>
    public double GrainCrashes { get; set; }
    public double EdgeCrashes { get; set; }

    /// <summary>Calls a second to all edges, and the share of them that known callers make.</summary>
    public double CallsPerSecond { get; set; } = 200;
    public double KnownShare { get; set; } = 0.2;
    public TimeSpan MostTalk { get; set; } = LongestCall;

    /// <summary>When calls were let in.</summary>
    public List<long> Admitted { get; } = [];
    public int Known { get; private set; }
    public int KnownAdmitted { get; private set; }
    public int Strangers { get; private set; }
    public int StrangersAdmitted { get; private set; }

    /// <summary>How often the grain was asked, and had to store.</summary>
    public int Asks { get; private set; }
    public int Stores { get; private set; }

    public int InUse => _edges.Sum(edge => edge.InUse);
    public int MostInUse { get; private set; }

    /// <summary>Strangers' calls that are not over, at most.</summary>
    public int MostStrangers { get; private set; }

    public void Run(TimeSpan time)
    {
        for (var end = Now + time.Ticks; Now < end; Now += Step)
        {
            while (_events.TryPeek(out var next, out var at) && at <= Now)
            {
                _events.Dequeue();
                next();
            }
            if (Happens(GrainCrashes)) _ledger = Activate();
            foreach (var edge in _edges)
            {
                if (Happens(EdgeCrashes)) edge.Restart();
                edge.Ask();
            }
            var calls = CallsPerSecond * Step / TimeSpan.TicksPerSecond;
            for (var count = (int)calls + (_random.NextDouble() < calls % 1 ? 1 : 0); count > 0; count--) Call();
        }
    }

    private bool Happens(double perSecond) => _random.NextDouble() < perSecond * Step / TimeSpan.TicksPerSecond;

    private void Call()
    {
        var isKnown = _random.NextDouble() < KnownShare;
        var admitted = _edges[_random.Next(_edges.Count)].Call(isKnown);
        if (isKnown) (Known, KnownAdmitted) = (Known + 1, KnownAdmitted + (admitted ? 1 : 0));
        else (Strangers, StrangersAdmitted) = (Strangers + 1, StrangersAdmitted + (admitted ? 1 : 0));
        if (!admitted) return;
        Admitted.Add(Now);
        MostInUse = Math.Max(MostInUse, InUse);
        MostStrangers = Math.Max(MostStrangers, _edges.Sum(edge => edge.Strangers));
    }

    private LimitLedger Activate() => new(Now, _random.NextInt64(1, long.MaxValue), _rule, LongestCall, _stored);

    private long Trip() => _random.NextDouble() < Delay ? _random.NextInt64(TimeSpan.FromSeconds(5).Ticks) : _random.NextInt64(TimeSpan.FromMilliseconds(4).Ticks);

    private void Deliver(LimitAsk ask, Action<LimitGrant> answer)
    {
        if (_random.NextDouble() < Repeats) _events.Enqueue(() => Handle(ask), Now + Trip() + _random.NextInt64(TimeSpan.FromSeconds(6).Ticks));
        if (_random.NextDouble() < Loss) return;
        _events.Enqueue(() =>
        {
            var grant = Handle(ask);
            if (_random.NextDouble() >= Loss) _events.Enqueue(() => answer(grant), Now + Trip());
        }, Now + Trip());
    }

    private LimitGrant Handle(LimitAsk ask)
    {
        Asks++;
        var grant = _ledger.Ask(Now, ask);
        if (_ledger.ToStore(Now) is not { } bounds) return grant;
        Stores++;
        _stored = bounds;
        return grant;
    }

    private sealed class Edge
    {
        private readonly LimitWorld _world;
        private readonly string _name;
        private readonly double _speed;
        private readonly long _offset;
        private LimitLease _lease;
        private long _askedAt;
        private long _asked;

        public Edge(LimitWorld world, string name)
        {
            (_world, _name) = (world, name);
            _speed = 0.95 + 0.1 * world._random.NextDouble();
            _offset = world._random.NextInt64(TimeSpan.TicksPerDay);
            _lease = Start();
        }

        public int InUse => _lease.InUse;

        public int Strangers { get; private set; }

        private long Now => _offset + (long)(_world.Now * _speed);

        /// <summary>Its calls end with its process.</summary>
        public void Restart()
        {
            _lease = Start();
            (_asked, Strangers) = (0, 0);
        }

        public void Ask()
        {
            var lease = _lease;
            if (_asked != 0 && Now - _askedAt > s_timeout)
            {
                lease.Failed(Now, _asked);
                _asked = 0;
            }
            if (lease.Next(Now) is not { } ask) return;
            (_asked, _askedAt) = (ask.Seq, Now);
            _world.Deliver(ask, grant =>
            {
                lease.Answered(Now, ask.Seq, grant);
                if (_asked == ask.Seq && ReferenceEquals(lease, _lease)) _asked = 0;
            });
        }

        public bool Call(bool isKnown)
        {
            var lease = _lease;
            if (lease.HasPlace(Now, isKnown).Result != LimitResult.Allowed || lease.TryTake(Now, isKnown).Result != LimitResult.Allowed) return false;
            // Now and then something else refuses the call after all.
            if (_world._random.NextDouble() < 0.05)
            {
                lease.PutBack();
                return false;
            }
            lease.Begin();
            Strangers += isKnown ? 0 : 1;
            _world._events.Enqueue(() => Ended(lease, isKnown), _world.Now + 1 + _world._random.NextInt64(_world.MostTalk.Ticks));
            return true;
        }

        private void Ended(LimitLease lease, bool isKnown)
        {
            lease.Ended();
            if (ReferenceEquals(lease, _lease) && !isKnown) Strangers--;
        }

        private LimitLease Start() => new(Now, _world._rule, _name, _world._random.NextInt64());
    }
}
