using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Prometheus;

namespace IvrActors.Grains.Audit;

/// <summary>
/// Writes the chain of one tenant with group commit: what is appended while a write is under way is written together by the next one. Reentrant for that; one
/// flush runs at a time, and only it touches the head.
/// </summary>
[Reentrant]
internal sealed partial class AuditGrain : Grain, IAuditGrain
{
    // Above it appends fail at once: at 1,000 records/s it is four seconds behind, and nobody waits longer for an answer on the telephone.
    internal const int MostWaiting = 4096;

    // One transaction; bounds how long the others wait for it.
    private const int MostBatch = 256;
    private const int MostFound = 500;

    /// <summary>Another writer is a silo that has just gone, or a command: it wins once or twice.</summary>
    private const int MostTries = 5;

    private static readonly Counter s_records = Metrics.CreateCounter("ivr_audit_records_total", "Audit records written.", "tenant");
    private static readonly Histogram s_append = Metrics.CreateHistogram(
        "ivr_audit_append_seconds", "Time until an audit record is durable.", new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0005, 2, 14) });

    private readonly IAuditStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _tenant;
    private readonly AuditChain _chain;
    private readonly Counter.Child _written;
    private readonly Queue<Waiting> _waiting = new();
    private AuditHead? _head;

    // The newest record that this activation knows of: a head below it is an older one, put back.
    private long _newest;
    private bool _flushing;

    public AuditGrain(IGrainContext context, IAuditStore store, IClusterKeys keys, TimeProvider time, ILogger<AuditGrain> logger)
    {
        _store = store;
        _time = time;
        _logger = logger;
        _tenant = context.GrainId.Key.ToString()![IAuditGrain.Key("").Length..];
        _written = s_records.WithLabels(_tenant);
        _chain = new AuditChain(_tenant, keys.AuditKey(_tenant).ToArray());
    }

    public async Task<long> Append(AuditEntry entry)
    {
        if (_waiting.Count >= MostWaiting) throw new InvalidOperationException("Too many audit records wait to be written.");
        using var timer = s_append.NewTimer();
        var waiting = new Waiting(AuditText.Clean(entry));
        _waiting.Enqueue(waiting);
        // Not awaited: under load it goes on for others long after this record is durable. It never throws.
        if (!_flushing) _ = Flush();
        return await waiting.Written.Task;
    }

    public Task<long> AppendOperatorAct(AuditEntry entry) => Append(entry);

    public Task<AuditPage> Search(AuditQuery query) => _store.Search(_tenant, new AuditQuery
    {
        Action = query.Action,
        Actor = query.Actor,
        Object = query.Object,
        From = query.From,
        To = query.To,
        Before = query.Before,
        Limit = Math.Clamp(query.Limit, 1, MostFound),
    });

    public async Task<AuditVerdict> Verify()
    {
        // Appends go on meanwhile: what came after the head that is checked here belongs to the next check.
        var head = await _store.ReadHead(_tenant);
        if (head.Number < _newest) return new AuditVerdict { Records = head.Number, Fault = $"the head names record {head.Number}, but record {_newest} was written" };
        var verdict = await _chain.Verify(UpTo(head.Number), head);
        return verdict.Fault is null && await HasRecordBeyondHead()
            ? new AuditVerdict { Records = verdict.Records, Fault = "records stand in the table behind the one that the head names" }
            : verdict;
    }

    private async IAsyncEnumerable<AuditRecord> UpTo(long last)
    {
        await foreach (var record in _store.Read(_tenant, AuditChain.First))
        {
            if (record.Number > last) yield break;
            yield return record;
            if (record.Number == last) yield break;
        }
    }

    private async Task<bool> HasRecordBeyondHead()
    {
        for (var last = -1L; ;)
        {
            var head = await _store.ReadHead(_tenant);
            if (head.Number == last) return true;
            last = head.Number;
            var beyond = false;
            await foreach (var _ in _store.Read(_tenant, last + 1))
            {
                beyond = true;
                break;
            }
            if (!beyond) return false;
            // A record beyond the head that was read before it may have come in between: then the head has moved on.
        }
    }

    /// <summary>Writes until nothing waits. Never throws: each waiting append gets its own result.</summary>
    private async Task Flush()
    {
        _flushing = true;
        try
        {
            while (_waiting.Count > 0) await WriteBatch();
        }
        finally
        {
            _flushing = false;
        }
    }

    private async Task WriteBatch()
    {
        var batch = new List<Waiting>(Math.Min(MostBatch, _waiting.Count));
        while (batch.Count < MostBatch && _waiting.TryDequeue(out var waiting)) batch.Add(waiting);
        try
        {
            var records = await Append(batch);
            _written.Inc(batch.Count);
            for (var i = 0; i < batch.Count; i++) batch[i].Written.SetResult(records[i].Number);
        }
        catch (Exception e)
        {
            // What was written is unknown, so the head is; everybody who waits is told now, and what comes later starts from the stored head.
            LogFailure(e.GetType().Name);
            _head = null;
            while (_waiting.TryDequeue(out var waiting)) batch.Add(waiting);
            foreach (var waiting in batch) waiting.Written.TrySetException(NotWritten(e));
        }
    }

    /// <summary>Again behind what another writer appended: the last words of a silo that has just gone, or <c>ivr</c>.</summary>
    private async Task<List<AuditRecord>> Append(List<Waiting> batch)
    {
        for (var tries = 1; ; tries++)
        {
            var expected = _head ??= await ReadHead();
            var records = new List<AuditRecord>(batch.Count);
            var now = _time.GetUtcNow();
            foreach (var waiting in batch) records.Add(records.Count == 0 ? _chain.Next(expected, now, waiting.Entry) : _chain.Next(records[^1], now, waiting.Entry));
            var head = _chain.HeadAfter(records[^1]);
            try
            {
                await _store.Append(_tenant, expected, records, head);
                (_head, _newest) = (head, head.Number);
                return records;
            }
            catch (AuditConflictException) when (tries < MostTries)
            {
                _head = null;
            }
        }
    }

    private async Task<AuditHead> ReadHead()
    {
        var head = await _store.ReadHead(_tenant);
        if (!_chain.IsHead(head)) throw new InvalidOperationException("the stored head does not verify");
        if (head.Number < _newest) throw new InvalidOperationException("the stored head is older than the last record");
        _newest = head.Number;
        return head;
    }

    // Of a type that every client has. Each gets its own: one exception thrown to many is changed by each.
    private static Exception NotWritten(Exception cause) =>
        cause is StorageUnavailableException ? new StorageUnavailableException("The audit record could not be written now.") : new InvalidOperationException("The audit record could not be written.");

    [LoggerMessage(Level = LogLevel.Critical, Message = "Audit records could not be written ({Failure}). What they stand for is refused.")]
    private partial void LogFailure(string failure);

    private sealed class Waiting(AuditEntry entry)
    {
        public AuditEntry Entry { get; } = entry;

        public TaskCompletionSource<long> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
