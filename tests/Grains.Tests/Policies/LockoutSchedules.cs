using System.Globalization;
using CsCheck;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

/// <summary>Schedules of attempts, retries, crashes, duplicate activations and clock steps that nobody thought of.</summary>
public sealed class LockoutSchedules
{
    private static readonly Gen<(int What, int Who, int How)[]> s_schedules = Gen.Select(Gen.Int[0, 11], Gen.Int[0, 1], Gen.Int[0, 999]).Array[1, 250];

    [Fact]
    public void No_schedule_verifies_more_guesses_than_allowed_or_leaves_one_uncounted() =>
        s_schedules.Sample(schedule => new World(new LockoutRule { Disable = 40 }).Run(schedule), iter: 20_000, threads: 1);

    [Fact]
    public void The_bound_holds_for_any_rule() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 100], Gen.Int[1, 90], s_schedules).Sample(
            (failures, disable, first, schedule) => new World(new LockoutRule
            {
                Failures = failures,
                Disable = disable,
                First = TimeSpan.FromSeconds(first),
                Longest = TimeSpan.FromMinutes(20),
                Window = TimeSpan.FromMinutes(30),
            }).Run(schedule),
            iter: 10_000, threads: 1);

    /// <summary>One row, two activations that each believe to be the only one, in processes of their own; what is true is kept beside.</summary>
    private sealed class World(LockoutRule rule)
    {
        private const OriginClass Class = OriginClass.Unattested;

        private static readonly DateTimeOffset s_start = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

        private readonly Activation[] _activations = [new(), new()];

        // Every attempt ever made and in which run (from one success to the next) it was first let through; the wrong ones that were verified in this run.
        private readonly List<string> _made = [];
        private readonly Dictionary<string, int> _run = [];

        // In what order they were let through; each other one is a PIN.
        private readonly Dictionary<string, int> _order = [];
        private readonly HashSet<string> _verified = [];
        private (LockoutState State, long Version) _stored = (new LockoutState(), 0);
        private TimeSpan _time;
        private TimeSpan _wallAhead;
        private int _runs;
        private int _reserved;

        public void Run((int What, int Who, int How)[] schedule)
        {
            foreach (var (what, who, how) in schedule)
            {
                Step(what, _activations[who], how);
                _time += TimeSpan.FromMilliseconds(how);
                Check();
            }
        }

        private void Step(int what, Activation one, int how)
        {
            switch (what)
            {
                case 0 or 1 or 2 when one.Reserved is null: // a new attempt
                    _made.Add($"{_made.Count}");
                    Reserve(one, _made[^1]);
                    break;
                case 3 when one.Reserved is null && _made.Count > 0: // a retry of a late one
                    Reserve(one, _made[^(1 + how % Math.Min(_made.Count, 5))]);
                    break;
                case 4 or 5 when one.Reserved is { } id: // verified: wrong
                    Verify(one, id);
                    break;
                case 6 when one.Reserved is { } id && how % 8 == 0: // verified: right, and the last factor
                    if (Update(one, state => Lockout.Succeed(Now(one), state, id, complete: true)) is { Failures: 0 }) (_runs, _) = (_runs + 1, Forget());
                    one.Reserved = null;
                    break;
                case 6 when one.Reserved is { } id && IsPin(id) && how % 8 == 1: // verified: the right PIN, and a code is to come
                    var took = false;
                    Update(one, state =>
                    {
                        var next = Lockout.Succeed(Now(one), state, id, complete: false);
                        took = !ReferenceEquals(next, state);
                        return next;
                    });
                    if (took) ForgivePins(id);
                    one.Reserved = null;
                    break;
                case 7 when one.Reserved is { } id: // the pool was full
                    Update(one, state => Lockout.Withdraw(Now(one), state, id));
                    one.Reserved = null;
                    break;
                case 8: // a crash of the process, and a start
                    one.Crash(_time);
                    break;
                case 9: // the clock is set
                    _wallAhead += TimeSpan.FromMinutes((how - 500) * (how % 7));
                    break;
                case 10:
                    _time += TimeSpan.FromSeconds(how % 90);
                    break;
                case 11 when how % 4 == 0:
                    _time += TimeSpan.FromMinutes(how % 90);
                    break;
            }
        }

        private static bool IsPin(string id) => int.Parse(id, CultureInfo.InvariantCulture) % 2 == 0;

        private void ForgivePins(string right)
        {
            foreach (var id in _order.Keys.Where(id => IsPin(id) && _order[id] <= _order[right]))
            {
                _verified.Remove(id);
                _run[id] = -1;
            }
        }

        private bool Forget()
        {
            _verified.Clear();
            return true;
        }

        private void Reserve(Activation one, string id)
        {
            var known = false;
            var permitted = false;
            var lockedUntil = one.LockedUntil;
            var after = Update(one, state =>
            {
                known = state.Attempts.Exists(a => a.Id == id);
                (var decision, var next) = Lockout.Decide(Now(one), rule, Class, state, id, IsPin(id));
                permitted = decision.Permitted;
                return next;
            });
            if (!permitted) return;
            one.Reserved = id;
            if (known) return;
            _run[id] = _runs;
            _order.Remove(id);
            _order[id] = ++_reserved;
            // In the life of one process no lock ends before its time, whatever the wall clock says.
            Assert.True(lockedUntil <= _time, "a lock ended early");
            one.LockedUntil = Lockout.IsDisabled(after) ? TimeSpan.MaxValue : after.Until > after.Ran ? _time + TimeSpan.FromTicks(after.Until - after.Ran) : TimeSpan.Zero;
        }

        private void Verify(Activation one, string id)
        {
            if (_run[id] == _runs) _verified.Add(id);
            one.Reserved = null;
        }

        private void Check()
        {
            Assert.True(_verified.Count <= Lockout.MostOf(rule, Class), "more guesses were verified than the rule allows");
            Assert.True(_verified.Count <= _stored.State.Failures, "a guess was verified that is not counted");
            Assert.True(_stored.State.Failures <= Lockout.MostOf(rule, Class), "an attempt was counted twice");
        }

        /// <summary>Reads unless it holds a copy, changes, writes if nobody wrote since; else again.</summary>
        private LockoutState Update(Activation one, Func<LockoutState, LockoutState> change)
        {
            while (true)
            {
                var (state, version) = one.Read ??= _stored;
                var next = change(state);
                if (ReferenceEquals(next, state)) return state;
                if (version == _stored.Version)
                {
                    one.Read = _stored = (next, version + 1);
                    // From one process to another the wall clock is all there is; and what is taken back takes its lock with it.
                    foreach (var each in _activations)
                        if (each != one || next.LockedUntil is null) each.LockedUntil = TimeSpan.Zero;
                    return next;
                }
                one.Read = null;
            }
        }

        private LockoutMoment Now(Activation one) => new(s_start + _time + _wallAhead, _time - one.Began, one.Process);

        private sealed class Activation
        {
            public (LockoutState State, long Version)? Read { get; set; }

            /// <summary>What it let through and is about to verify.</summary>
            public string? Reserved { get; set; }

            /// <summary>When the lock ends that it made, by true time.</summary>
            public TimeSpan LockedUntil { get; set; }

            public TimeSpan Began { get; private set; }

            public Guid Process { get; private set; } = Guid.NewGuid();

            public void Crash(TimeSpan now) => (Read, Reserved, LockedUntil, Began, Process) = (null, null, TimeSpan.Zero, now, Guid.NewGuid());
        }
    }
}
