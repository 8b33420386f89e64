using System.Runtime.CompilerServices;
using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Dashboard.Import;

/// <summary>What became of one row.</summary>
public enum ImportOutcome
{
    Enrolled = 0,

    /// <summary>The caller was there before: factors and facts are those of the row now, and locks are lifted.</summary>
    Replaced = 1,

    /// <summary>The caller was there before and was left alone.</summary>
    Left = 2,

    /// <summary>Something is wrong with it.</summary>
    Refused = 3,

    /// <summary>Rows from this one on were not done: the file cannot be understood, or the cluster does not answer.</summary>
    Stopped = 4,
}

/// <summary>The result of one row. It holds the row's text: a class, so that nothing prints it.</summary>
public sealed class ImportResult
{
    public required int Line { get; init; }
    public required ImportOutcome Outcome { get; init; }

    /// <summary>What is wrong, without any value.</summary>
    public string? Error { get; init; }

    /// <summary>The row as it stood in the file; null where it was too long to be kept.</summary>
    public string? Text { get; init; }
}

/// <summary>
/// Enrols the callers of a file, so many at once, and tells the results in the order of the rows. Nothing is read ahead of them, so that a file of any length takes the memory of a few rows, and a busy
/// cluster slows its reading down. A row that is done twice comes to the same, so a file may be fed again, whole or from a line on.
/// </summary>
/// <param name="atOnce">Each takes a place among the PIN checks; callers on the line need them as well.</param>
public sealed class CallerImport(IGrainCaller cluster, TimeProvider time, int atOnce = 4)
{
    // A storm of calls may keep the PIN checks busy for a while; rows can wait longer than callers can.
    private static readonly TimeSpan s_longestBusy = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private const int MostFailures = 3;

    private readonly CallerEnroller _enroller = new(cluster);

    public async IAsyncEnumerable<ImportResult> Run(ImportFile file, bool onlyNew, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // In the order of the file. Its length is what bounds memory and load.
        var running = new Queue<Task<ImportResult>>();
        var ofCaller = new Dictionary<(string, string), Task<ImportResult>>();
        await foreach (var row in file.Read(cancellation))
        {
            // Of two rows of one caller the later one counts.
            var key = row.Caller is { } caller ? (caller.Tenant, caller.Account) : default;
            var before = ofCaller.GetValueOrDefault(key);
            var task = Enrol(row, onlyNew, before, cancellation);
            running.Enqueue(task);
            if (row.Caller is not null) ofCaller[key] = task;
            while (running.Count >= atOnce || (running.TryPeek(out var first) && first.IsCompleted))
            {
                var result = await running.Dequeue();
                if (result.Outcome == ImportOutcome.Stopped) await Task.WhenAll(running);
                yield return result;
                if (result.Outcome == ImportOutcome.Stopped) yield break;
            }
            if (running.Count == 0) ofCaller.Clear();
            else if (ofCaller.Count > 4 * atOnce) foreach (var (done, _) in ofCaller.Where(one => one.Value.IsCompleted).ToList()) ofCaller.Remove(done);
        }
        while (running.TryDequeue(out var last))
        {
            var result = await last;
            if (result.Outcome == ImportOutcome.Stopped) await Task.WhenAll(running);
            yield return result;
            if (result.Outcome == ImportOutcome.Stopped) yield break;
        }
    }

    private async Task<ImportResult> Enrol(ImportRow row, bool onlyNew, Task? before, CancellationToken cancellation)
    {
        if (before is not null) await before;
        var (outcome, error) = row.Caller is null ? (row.EndsFile ? ImportOutcome.Stopped : ImportOutcome.Refused, row.Error) : await Enrol(row.Caller, onlyNew, cancellation);
        return new ImportResult { Line = row.Line.Number, Outcome = outcome, Error = error, Text = row.Line.Text };
    }

    private async Task<(ImportOutcome, string?)> Enrol(NewCaller caller, bool onlyNew, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        var (pause, failures) = (s_firstPause, 0);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                var result = await _enroller.Enrol(caller, onlyNew);
                if (result.Error is null) return (!result.Existed ? ImportOutcome.Enrolled : onlyNew ? ImportOutcome.Left : ImportOutcome.Replaced, null);
                if (!result.IsBusy) return (ImportOutcome.Refused, result.Error);
                if (time.GetElapsedTime(started) > s_longestBusy) return (ImportOutcome.Stopped, "the cluster is too busy with PIN checks");
            }
            catch (UnauthorizedAccessException)
            {
                return (ImportOutcome.Stopped, "the cluster does not permit it");
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                if (++failures == MostFailures) return (ImportOutcome.Stopped, "the cluster does not answer");
            }
            await Task.Delay(pause, time, cancellation);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }
}
