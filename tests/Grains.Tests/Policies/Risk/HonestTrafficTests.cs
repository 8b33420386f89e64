using IvrActors.Grains.Policies.Risk;
using Xunit;

namespace IvrActors.Grains.Tests.Policies.Risk;

/// <summary>A day of people who mistype must raise nothing; an attack among them must.</summary>
public sealed class HonestTrafficTests
{
    private const int Accounts = 10_000;

    [Theory]
    [InlineData(1, 3), InlineData(2, 3), InlineData(3, 3), InlineData(4, 1), InlineData(5, 20)]
    public void A_day_of_mistyped_PINs_behind_one_trunk_raises_nothing(int seed, int callsOfEach)
    {
        var town = new Town(seed);
        town.LiveUntil(TimeSpan.FromHours(26), callsOfEach);
        Assert.True(town.Failures > 250, $"only {town.Failures} failed: nothing was tested");
        Assert.Equal([], town.Findings);
    }

    [Fact]
    public void A_thousand_origins_that_try_little_each_are_seen_within_a_minute()
    {
        var town = new Town(6);
        town.LiveUntil(TimeSpan.FromHours(2), callsOfEach: 20);
        town.Spray(TimeSpan.FromHours(2), TimeSpan.FromMinutes(1), perSecond: 200, pins: 20, origins: 1000);
        Assert.InRange(town.FirstAt("wave") - TimeSpan.FromHours(2), TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.InRange(town.FirstAt("pin") - TimeSpan.FromHours(2), TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void An_attack_on_a_cluster_that_was_just_started_is_seen_as_soon()
    {
        var town = new Town(7);
        town.Spray(TimeSpan.Zero, TimeSpan.FromMinutes(1), perSecond: 200, pins: 20, origins: 1000);
        Assert.InRange(town.FirstAt("wave"), TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.InRange(town.FirstAt("pin"), TimeSpan.Zero, TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void One_PIN_tried_on_an_account_every_ten_minutes_is_seen_within_the_day()
    {
        var town = new Town(8);
        // A small town: a spray hides among as many honest failures as it makes itself, and no better.
        town.LiveUntil(TimeSpan.FromHours(24), callsOfEach: 0.05, sprayEvery: TimeSpan.FromMinutes(10));
        Assert.Contains("pin", town.Findings);
        Assert.DoesNotContain("wave", town.Findings);
    }

    [Fact]
    public void A_storm_of_random_PINs_does_not_push_out_one_that_is_sprayed()
    {
        var spray = new PinSpray();
        var random = new Random(9);
        var found = 0;
        // Two hundred random ones a second are three for each shard.
        for (var i = 0; i < 2000; i++)
        {
            var now = TimeSpan.FromSeconds(i / 3.0);
            spray.Fail(now, (ulong)random.NextInt64(), (ulong)random.NextInt64(), default);
            if (i % 75 == 0) found = Math.Max(found, spray.Fail(now, 1, (ulong)random.NextInt64(), default));
        }
        Assert.Equal(PinSpray.MostPins, spray.Count);
        Assert.InRange(found, PinSpray.FewestShort, 27);
    }

    [Fact]
    public void Nobody_can_teach_the_usual_odds_what_an_attack_is()
    {
        var watch = new FailureWatch();
        var now = TimeSpan.Zero;
        // Two days of as many failures as make no wave yet.
        for (; now < TimeSpan.FromDays(2); now += TimeSpan.FromSeconds(10)) watch.Add(now, succeeded: 10, failed: now.Ticks / TimeSpan.TicksPerSecond % 20 == 0 ? 5 : 2);
        Assert.InRange(watch.Odds, 0.02, 0.25);
        for (var i = 0; i < 6; i++, now += TimeSpan.FromSeconds(10)) watch.Add(now, succeeded: 10, failed: 30);
        Assert.NotEqual(0, watch.Wave(now));
    }

    /// <summary>People with accounts, PINs as people choose them, telephones, an office that shares a number, many who withhold theirs, and one carrier.</summary>
    private sealed class Town
    {
        private readonly Random _random;
        private readonly double[] _popularity;
        private readonly int[] _pinOf = new int[Accounts];
        private readonly PinSpray[] _pins = [.. Enumerable.Range(0, RiskShards.Count).Select(_ => new PinSpray())];
        private readonly OriginWatch _origins = new(new RiskPolicy());
        private readonly FailureWatch _watch = new();
        private readonly List<(TimeSpan At, string What)> _found = [];

        public Town(int seed)
        {
            _random = new Random(seed);
            var sum = 0.0;
            _popularity = [.. Enumerable.Range(1, 10_000).Select(rank => sum += 1.0 / rank)];
            for (var i = 0; i < Accounts; i++) _pinOf[i] = Popular();
        }

        public int Failures { get; private set; }

        public List<string> Findings => [.. _found.Select(f => f.What).Distinct()];

        public TimeSpan FirstAt(string what) => _found.First(f => f.What == what).At;

        public void LiveUntil(TimeSpan end, double callsOfEach, TimeSpan? sprayEvery = null)
        {
            var mean = TimeSpan.FromDays(1) / (Accounts * callsOfEach);
            var spray = sprayEvery;
            for (var now = TimeSpan.Zero; now < end; now -= mean * Math.Log(1 - _random.NextDouble()))
            {
                Call(now, _random.Next(Accounts));
                for (; spray < now; spray += sprayEvery) Attempt(now, _random.Next(Accounts), 4826, $"number:x{_random.Next(1000)}", isRight: false);
            }
        }

        public void Spray(TimeSpan from, TimeSpan time, int perSecond, int pins, int origins)
        {
            for (var i = 0; i < perSecond * time.TotalSeconds; i++)
                Attempt(from + TimeSpan.FromSeconds(i / (double)perSecond), _random.Next(Accounts), 5000 + i % pins, $"number:x{i % origins}", isRight: false);
        }

        // The first fifty share the telephone of an office; a tenth of all show no number.
        private void Call(TimeSpan now, int account)
        {
            var number = account < 50 ? "number:office" : account % 10 == 0 ? "numberless:carrier" : $"number:{account}";
            for (var tries = 0; tries < 3; tries++)
            {
                var isRight = _random.NextDouble() >= 0.03;
                // What is wrong is a slip, or the PIN of something else.
                var pin = isRight ? _pinOf[account] : _random.NextDouble() < 0.5 ? Slip(_pinOf[account]) : Popular();
                Attempt(now + TimeSpan.FromSeconds(10 * tries), account, pin, number, isRight || pin == _pinOf[account]);
                if (isRight) return;
            }
        }

        private void Attempt(TimeSpan now, int account, int pin, string number, bool isRight)
        {
            if (!isRight) Failures++;
            _watch.Add(now, isRight ? 1 : 0, isRight ? 0 : 1);
            if (_watch.Wave(now) > 0) _found.Add((now, "wave"));
            if (!isRight && _pins[pin % RiskShards.Count].Fail(now, (ulong)pin, TagOf(account), _watch.Expected(now)) > 0) _found.Add((now, "pin"));
            if (_origins.Note(now, number, isRight ? OriginAct.Succeeds : OriginAct.Fails, TagOf(account)).Accounts > 0) _found.Add((now, "origin"));
        }

        private static ulong TagOf(int account) => (ulong)(account + 1) * 0x9E3779B97F4A7C15;

        private int Popular()
        {
            var at = Array.BinarySearch(_popularity, _random.NextDouble() * _popularity[^1]);
            return at < 0 ? ~at : at;
        }

        private int Slip(int pin)
        {
            var place = (int)Math.Pow(10, _random.Next(4));
            var digit = pin / place % 10;
            return pin - digit * place + (digit + _random.Next(1, 10)) % 10 * place;
        }
    }
}
