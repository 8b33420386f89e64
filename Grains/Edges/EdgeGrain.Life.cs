using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Edges;

/// <summary>
/// Whether the edge lives. Its beats are heard in memory; which life it has is stored, once for each start, so that a silo which takes this grain over knows whom to miss. A life that was
/// taken for gone stays gone: its calls are given to others, and should it speak again, it is told so.
/// </summary>
internal sealed partial class EdgeGrain
{
    /// <summary>Who was given a loss to see to has this long; then another is asked. Calls are seen to twice without harm.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(20);

    private readonly StoredRow<EdgeLife> _lives = new(storage, "edge-life", context.GrainId);
    private readonly EdgePulse _pulse = new(Ticks(time));
    private long? _givenAt;

    public async Task<bool> Beat(string incarnation)
    {
        EdgeName.Demand(Name);
        if ((await _lives.Read()).Alive != incarnation) return false;
        _pulse.Heard(Ticks(time));
        return true;
    }

    public async Task<EdgeLoss?> Watch()
    {
        // Read first: while the row cannot be had no beat can be understood, and nobody is looked for.
        var lives = await _lives.Read();
        if (_pulse.IsGone(Ticks(time)) && lives.Alive.Length > 0)
        {
            LogGone(Name);
            EdgeLifeMetrics.Lost.Inc();
            // Stored first: from here on this life owns nothing, whatever it says.
            await _lives.Write(lives = lives.With(alive: ""));
            (_report, _observer, _givenAt) = (null, null, null);
            await Record("edge.lost");
        }
        if (lives.Lost.Count == 0 || (_givenAt is { } given && time.GetElapsedTime(given) < s_settling)) return null;
        _givenAt = time.GetTimestamp();
        return new EdgeLoss { Edge = Name, Lost = lives.Lost, Alive = lives.Alive };
    }

    public async Task Settled(EdgeLoss loss)
    {
        var lives = await _lives.Read();
        await _lives.Write(lives.Without(loss.Lost));
        _givenAt = null;
    }

    /// <summary>Whether the life that reports is the edge's; a new one is from here on.</summary>
    private async Task<bool> IsAlive(EdgeReport report)
    {
        // An edge of an older version has none, and is not watched.
        if (report.Incarnation.Length == 0) return true;
        var lives = await _lives.Read();
        if (report.Incarnation != lives.Alive)
        {
            if (report.Birth is EdgeBirth.Known or EdgeBirth.Ended || lives.Lost.Contains(report.Incarnation)) return false;
            if (report.Birth == EdgeBirth.Again && lives.Alive.Length > 0 && _pulse.Beats(Ticks(time))) return false;
            await _lives.Write(lives.With(report.Incarnation));
            _givenAt = null;
        }
        if (report.Birth == EdgeBirth.Ended)
        {
            // What it could not end is seen to by others.
            (_report, _observer, _givenAt) = (null, null, null);
            await _lives.Write(lives.With(alive: ""));
            return false;
        }
        _pulse.Heard(Ticks(time));
        return true;
    }

    /// <summary>That an edge is gone is recorded where that can be; its callers do not wait for it.</summary>
    private async Task Record(string action)
    {
        try
        {
            await GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry { Actor = RequestActor.System, Action = action, Result = AuditResult.Success, Object = Name });
        }
        catch (Exception e)
        {
            LogUnrecorded(Name, e.GetType().Name);
        }
    }

    private static long Ticks(TimeProvider time) => time.GetElapsedTime(0).Ticks;

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Edge} is silent and taken for gone: its calls go to other edges or end.")]
    private partial void LogGone(string edge);

    [LoggerMessage(Level = LogLevel.Warning, Message = "that {Edge} is gone could not be recorded ({Failure}).")]
    private partial void LogUnrecorded(string edge, string failure);
}
