using System.Globalization;
using IvrActors.Silo.Storage;
using Prometheus;

namespace IvrActors.Silo.Hosting;

/// <summary>
/// Compares the clock of a silo with the one that all silos have in common, the database's. Locks end, codes expire and records are dated by a silo's own clock, so one that is off by more
/// than <see cref="Most"/> does not start, and one whose clock goes astray later hands its grains over and ends.
/// </summary>
internal sealed partial class ClockWatch(IStateTable states, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<ClockWatch> logger) : BackgroundService
{
    /// <summary>A fifteenth of a one-time code's step (RFC 6238 4.1); a machine with NTP is off by milliseconds.</summary>
    public static readonly TimeSpan Most = TimeSpan.FromSeconds(2);

    internal static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>Looks that must agree: one may have met a machine that stood still between two readings of its clock.</summary>
    internal const int Looks = 3;

    private static readonly Gauge s_offset = Metrics.CreateGauge("ivr_clock_offset_seconds", "How far this silo's clock is ahead of the database's, at the last look. A silo that is off by 2 s ends.");

    /// <summary>Why the silo ended itself; null: it did not.</summary>
    public string? Failure { get; private set; }

    /// <summary>How far our clock is ahead, beyond what the time of the question leaves open; zero where nobody shares the rows.</summary>
    internal static async Task<TimeSpan> Offset(IStateTable states, TimeProvider time)
    {
        if (!states.IsShared) return TimeSpan.Zero;
        var (before, began) = (time.GetUtcNow(), time.GetTimestamp());
        var theirs = await states.Now(time);
        // By the clock that is not set: the answer was given at some time within it.
        var within = time.GetElapsedTime(began);
        var offset = before - theirs;
        return offset > TimeSpan.Zero ? offset : offset + within < TimeSpan.Zero ? offset + within : TimeSpan.Zero;
    }

    /// <summary>Before a silo joins its cluster.</summary>
    /// <exception cref="DatabaseException">Its clock is off.</exception>
    public static async Task Require(IStateTable states, TimeProvider time)
    {
        var offset = await Offset(states, time);
        if (offset.Duration() > Most) throw new DatabaseException(Say(offset));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!states.IsShared) return;
        var off = 0;
        while (!stoppingToken.IsCancellationRequested && off < Looks)
        {
            await Task.Delay(Period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested || await TryOffset() is not { } offset) continue;
            s_offset.Set(offset.TotalSeconds);
            off = offset.Duration() > Most ? off + 1 : 0;
            if (off == Looks) Failure = Say(offset);
        }
        if (Failure is null) return;
        LogOff(Failure);
        lifetime.StopApplication();
    }

    private async Task<TimeSpan?> TryOffset()
    {
        try
        {
            return await Offset(states, time);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A database that does not answer says nothing about clocks; that it does not is told elsewhere.
            return null;
        }
    }

    private static string Say(TimeSpan offset) => string.Create(CultureInfo.InvariantCulture,
        $"The clock of this node is {offset.Duration().TotalSeconds:0.0} s {(offset > TimeSpan.Zero ? "ahead of" : "behind")} the database's. Silos decide about locks and codes by their clocks, which may differ by {Most.TotalSeconds:0} s: set both by NTP.");

    [LoggerMessage(Level = LogLevel.Critical, Message = "This silo ends: {Failure}")]
    private partial void LogOff(string failure);
}
