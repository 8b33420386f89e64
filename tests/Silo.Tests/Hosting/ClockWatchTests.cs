using IvrActors.Silo.Hosting;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

public sealed class ClockWatchTests
{
    private readonly Clock _time = new();

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(300, 0, 300)]
    [InlineData(-300, 0, -300)]
    // An answer that took long says no more than that our clock is not ahead of it by more, nor behind it by more.
    [InlineData(-300, 4, -296)]
    [InlineData(-3, 4, 0)]
    [InlineData(300, 4, 300)]
    public async Task A_clock_is_off_by_what_the_time_of_the_answer_does_not_explain(int ahead, int seconds, int off)
    {
        var table = new Table(() =>
        {
            var theirs = _time.GetUtcNow() - TimeSpan.FromSeconds(ahead);
            _time.Advance(TimeSpan.FromSeconds(seconds));
            return theirs;
        });
        Assert.Equal(TimeSpan.FromSeconds(off), await ClockWatch.Offset(table, _time));
    }

    [Fact]
    public async Task A_silo_whose_clock_is_off_does_not_start_and_says_why()
    {
        await ClockWatch.Require(new Table(() => _time.GetUtcNow() + ClockWatch.Most), _time);
        await ClockWatch.Require(new Table(() => throw new InvalidOperationException("asked")) { IsShared = false }, _time);
        var refused = await Assert.ThrowsAsync<DatabaseException>(() => ClockWatch.Require(new Table(() => _time.GetUtcNow() + TimeSpan.FromMinutes(5)), _time));
        Assert.Contains("300.0 s behind the database's", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silo_whose_clock_goes_astray_ends_when_three_looks_agree()
    {
        var (ahead, asked) = (TimeSpan.Zero, 0);
        var table = new Table(() =>
        {
            asked++;
            return ahead == TimeSpan.MaxValue ? throw new InvalidOperationException("the database is away") : _time.GetUtcNow() - ahead;
        });
        var lifetime = new Lifetime();
        using var watch = new ClockWatch(table, _time, lifetime, NullLogger<ClockWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        void Look(TimeSpan by)
        {
            ahead = by;
            var before = asked;
            Until(() => _time.Timers > before); // It waits for its next look.
            _time.Advance(ClockWatch.Period);
            Until(() => asked > before);
        }

        var off = TimeSpan.FromSeconds(2.5);
        Look(off);
        Look(off);
        Look(TimeSpan.Zero); // One that stood still between its readings.
        Look(off);
        Look(TimeSpan.MaxValue); // What is not known says nothing.
        Look(off);
        Assert.Null(watch.Failure);
        Look(off);
        await watch.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Contains("2.5 s ahead of the database's", watch.Failure, StringComparison.Ordinal);
        Assert.True(lifetime.Stopped);
    }

    private static void Until(Func<bool> holds) => Assert.True(SpinWait.SpinUntil(holds, TimeSpan.FromSeconds(30)));

    private sealed class Clock() : FakeTimeProvider(new DateTimeOffset(2026, 11, 29, 12, 0, 0, TimeSpan.Zero))
    {
        private int _timers;

        public int Timers => Volatile.Read(ref _timers);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            Interlocked.Increment(ref _timers);
            return timer;
        }
    }

    private sealed class Lifetime : IHostApplicationLifetime
    {
        public bool Stopped { get; private set; }

        public CancellationToken ApplicationStarted => default;

        public CancellationToken ApplicationStopping => default;

        public CancellationToken ApplicationStopped => default;

        public void StopApplication() => Stopped = true;
    }

    /// <summary>A table that is asked for the time, and nothing else.</summary>
    private sealed class Table(Func<DateTimeOffset> now) : IStateTable
    {
        public bool IsShared { get; init; } = true;

        public async Task<DateTimeOffset> Now(TimeProvider ours)
        {
            await Task.CompletedTask;
            return now();
        }

        public Task<StateRow?> Read(string state, string grain) => throw new NotSupportedException();

        public Task<bool> Write(string state, string grain, byte[] payload, long expected, long version, bool durable) => throw new NotSupportedException();

        public Task<bool> Delete(string state, string grain, long expected, bool durable) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> KeysOf(string state) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> LockoutsOfStrangers(string after, int most) => throw new NotSupportedException();

        public Task Remove(string state, IReadOnlyList<string> grains) => throw new NotSupportedException();

        public Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most) => throw new NotSupportedException();

        public Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload) => throw new NotSupportedException();
    }
}
