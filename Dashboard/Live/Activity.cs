using IvrActors.Grains.Interfaces.Audit;

namespace IvrActors.Dashboard.Live;

/// <summary>Counts of one minute.</summary>
internal readonly record struct Minute(int Admitted, int Rejected, int Verified, int Refused);

/// <summary>What the ledgers say about the last <see cref="Minutes"/> minutes, oldest minute first. The last one is still running.</summary>
internal sealed record Activity(IReadOnlyList<Minute> ByMinute, bool IsPartial)
{
    public const int Minutes = 30;

    public static Activity None { get; } = new(new Minute[Minutes], false);

    /// <summary>Calls admitted in the last whole minute.</summary>
    public int CallsPerMinute => ByMinute[^2].Admitted;

    public int Verified => ByMinute.Sum(minute => minute.Verified);

    public int Refused => ByMinute.Sum(minute => minute.Refused);
}

/// <summary>Sorts ledger records into minutes. A record is counted once, by tenant and number.</summary>
internal sealed class ActivityCounter
{
    private readonly Dictionary<long, Minute> _minutes = [];
    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);
    private DateTimeOffset _partialUntil;

    public long LastOf(string tenant) => _last.GetValueOrDefault(tenant);

    /// <summary>Takes the records of one fetch; <paramref name="complete"/> is false when there were more than were fetched.</summary>
    public void Add(string tenant, IReadOnlyCollection<AuditRecord> records, bool complete, DateTimeOffset now)
    {
        var last = LastOf(tenant);
        foreach (var record in records.Where(record => record.Number > last))
        {
            var minute = MinuteOf(record.At);
            _minutes[minute] = Count(_minutes.GetValueOrDefault(minute), record.Entry);
        }
        if (records.Count > 0) _last[tenant] = Math.Max(last, records.Max(record => record.Number));
        if (!complete) _partialUntil = now.AddMinutes(Activity.Minutes);
    }

    public Activity Read(DateTimeOffset now)
    {
        var current = MinuteOf(now);
        foreach (var old in _minutes.Keys.Where(minute => minute <= current - Activity.Minutes).ToList()) _minutes.Remove(old);
        return new([.. Enumerable.Range(0, Activity.Minutes).Select(i => _minutes.GetValueOrDefault(current - Activity.Minutes + 1 + i))], now < _partialUntil);
    }

    private static long MinuteOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / 60;

    private static Minute Count(Minute sum, AuditEntry entry) => entry switch
    {
        { Action: "call.admitted" } => sum with { Admitted = sum.Admitted + 1 },
        { Action: "call.rejected" } => sum with { Rejected = sum.Rejected + 1 },
        { Action: "factor.verified", Result: AuditResult.Success } => sum with { Verified = sum.Verified + 1 },
        _ when entry.Action.StartsWith("factor.", StringComparison.Ordinal) && entry.Result != AuditResult.Success => sum with { Refused = sum.Refused + 1 },
        _ => sum,
    };
}
