using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Dashboard.Live;

/// <summary>Asks the cluster once for all viewers. What cannot be had is shown as the age of the last answer, never as zero.</summary>
internal sealed partial class ClusterView(ClusterAccess cluster, DashboardOptions options, TimeProvider time, ILogger<ClusterView> log) : BackgroundService
{
    private const int MostSamples = 120;
    private const int PageOfRecords = 500;

    // 2,000 records per tenant and poll: more than that is shown as "at least".
    private const int MostPages = 4;

    // An edge reports every few seconds: after the first bound it is marked silent, after the second its calls are no longer shown.
    private static readonly TimeSpan s_silentAfter = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_goneAfter = TimeSpan.FromMinutes(2);

    private readonly List<int> _history = [];
    private readonly ActivityCounter _activity = new();
    private DateTimeOffset _sampled;
    private IReadOnlyList<ActiveLockout> _lockouts = [];
    private Activity _lastActivity = Activity.None;
    private TaskCompletionSource<Snapshot> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Snapshot Current { get; private set; } = new()
    {
        Version = 0,
        At = DateTimeOffset.UnixEpoch,
        Answered = null,
        Edges = [],
        Calls = [],
        ActiveCalls = 0,
        Lockouts = [],
        ActiveHistory = [],
        Activity = Activity.None,
    };

    /// <summary>The first snapshot later than <paramref name="version"/>, at once when there is one.</summary>
    public async Task<Snapshot> After(long version, CancellationToken cancel)
    {
        // The order matters: a snapshot published between the two reads completes the task taken here.
        var next = Volatile.Read(ref _next).Task;
        var current = Current;
        return current.Version > version ? current : await next.WaitAsync(cancel);
    }

    /// <summary>Asks the cluster now.</summary>
    internal async Task Poll()
    {
        var now = time.GetUtcNow();
        try
        {
            Publish(await Fetch(now));
        }
        catch (Exception failure)
        {
            // Telemetry fails open: the last picture stays, marked with its age. A call that the cluster's own end cancelled is one of these, and no reason to stop the host.
            LogFailure(log, failure.GetType().Name);
            Publish(With(now, Current.Answered, Current.Edges, Current.Calls, Current.ActiveCalls));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.PollInterval, time);
        do await Poll().WaitAsync(stoppingToken); // What is asked of a silo that was just lost is answered by a time-out of half a minute.
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<Snapshot> Fetch(DateTimeOffset now)
    {
        var names = await cluster.Viewer.Call<IEdgeDirectoryGrain, List<string>>(IEdgeDirectoryGrain.Key, directory => directory.List());
        var found = await Task.WhenAll(names.Select(name => cluster.Viewer.Call<IEdgeGrain, EdgeReport?>(IEdgeGrain.Key(name), edge => edge.GetReport())));
        var reports = found.OfType<EdgeReport>().OrderBy(report => report.Edge, StringComparer.Ordinal).ToList();
        var recent = reports.Where(report => now - report.At < s_goneAfter).ToList();
        var active = recent.Sum(report => report.ActiveCalls);
        if (now - _sampled >= Snapshot.SampleEvery)
        {
            _sampled = now;
            _history.Add(active);
            if (_history.Count > MostSamples) _history.RemoveAt(0);
            await FetchSlowly(now);
        }
        var edges = reports.Select(report => new EdgeState(report.Edge, report.At, report.ActiveCalls, now - report.At > s_silentAfter)).ToList();
        List<CallSummary> calls = [.. recent.SelectMany(report => report.Calls).OrderByDescending(call => call.Since).ThenBy(call => call.Call.Value, StringComparer.Ordinal).Take(Snapshot.MostCalls)];
        return With(now, now, edges, calls, active);
    }

    private async Task FetchSlowly(DateTimeOffset now)
    {
        var lockouts = new List<ActiveLockout>();
        foreach (var tenant in options.Tenants.Select(tenant => tenant.Name))
        {
            var list = await cluster.Viewer.Call<ILockoutDirectoryGrain, List<LockoutSummary>>(ILockoutDirectoryGrain.Key(tenant), directory => directory.List());
            lockouts.AddRange(list.Where(summary => summary.Until > now).Select(summary => new ActiveLockout(tenant, summary)));
            var (records, complete) = await NewRecords(tenant, now);
            _activity.Add(tenant, records, complete, now);
        }
        _lockouts = [.. lockouts.OrderByDescending(item => item.Summary.Since)];
        _lastActivity = _activity.Read(now);
    }

    private async Task<(List<AuditRecord> Records, bool Complete)> NewRecords(string tenant, DateTimeOffset now)
    {
        var last = _activity.LastOf(tenant);
        var records = new List<AuditRecord>();
        long? before = null;
        for (var page = 0; page < MostPages; page++)
        {
            var query = new AuditQuery { From = now.AddMinutes(-Activity.Minutes), Before = before, Limit = PageOfRecords };
            var found = await cluster.Viewer.Call<IAuditGrain, AuditPage>(IAuditGrain.Key(tenant), ledger => ledger.Search(query));
            records.AddRange(found.Records);
            before = found.Next;
            if (before is null || found.Records.Count == 0 || found.Records[^1].Number <= last + 1) return (records, true);
        }
        return (records, false);
    }

    private Snapshot With(DateTimeOffset now, DateTimeOffset? answered, IReadOnlyList<EdgeState> edges, IReadOnlyList<CallSummary> calls, int active) => new()
    {
        Version = Current.Version + 1,
        At = now,
        Answered = answered,
        Edges = edges,
        Calls = calls,
        ActiveCalls = active,
        Lockouts = _lockouts,
        ActiveHistory = [.. _history],
        Activity = _lastActivity,
    };

    private void Publish(Snapshot snapshot)
    {
        Current = snapshot;
        var waiting = Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously));
        waiting.SetResult(snapshot);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The cluster did not answer the dashboard: {Failure}")]
    private static partial void LogFailure(ILogger log, string failure);
}
