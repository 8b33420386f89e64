using System.Runtime.CompilerServices;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;

namespace IvrActors.Grains.Tests.Audit;

/// <summary>The table of audit records in memory; can hold writes back and fail them.</summary>
internal sealed class TestAuditStore : IAuditStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<AuditRecord>> _records = [];
    private readonly Dictionary<string, AuditHead> _heads = [];

    private readonly Dictionary<string, int> _transactions = [];

    /// <summary>Awaited before a ledger is written, with its tenant: the store serves all of the cluster's ledgers.</summary>
    public Func<string, Task> BeforeAppend { get; set; } = _ => Task.CompletedTask;

    public int TransactionsOf(string tenant)
    {
        lock (_lock) return _transactions.GetValueOrDefault(tenant);
    }

    public List<AuditRecord> Of(string tenant)
    {
        lock (_lock) return [.. _records.GetValueOrDefault(tenant, [])];
    }

    public List<AuditRecord> All
    {
        get { lock (_lock) return [.. _records.Values.SelectMany(r => r)]; }
    }

    /// <summary>What somebody with access to the database does.</summary>
    public void Tamper(string tenant, Action<List<AuditRecord>> change)
    {
        lock (_lock) change(_records[tenant]);
    }

    public void SetHead(string tenant, AuditHead head)
    {
        lock (_lock) _heads[tenant] = head;
    }

    public Task<AuditHead> ReadHead(string tenant)
    {
        lock (_lock) return Task.FromResult(_heads.GetValueOrDefault(tenant) ?? new AuditHead { Number = 0, Hash = [], Mac = [] });
    }

    public async Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head)
    {
        await BeforeAppend(tenant);
        lock (_lock)
        {
            if ((_heads.GetValueOrDefault(tenant)?.Number ?? 0) != expected.Number) throw new InvalidOperationException("the head has moved");
            if (!_records.TryGetValue(tenant, out var table)) _records[tenant] = table = [];
            table.AddRange(records);
            _heads[tenant] = head;
            _transactions[tenant] = _transactions.GetValueOrDefault(tenant) + 1;
        }
    }

    public async IAsyncEnumerable<AuditRecord> Read(string tenant, long from)
    {
        await Task.Yield();
        foreach (var record in Of(tenant).Where(r => r.Number >= from)) yield return record;
    }

    public Task<AuditPage> Search(string tenant, AuditQuery query)
    {
        var found = Of(tenant).AsEnumerable().Reverse()
            .Where(r => (query.Action is null || r.Entry.Action == query.Action) && (query.Before is null || r.Number < query.Before))
            .Take(query.Limit).ToList();
        return Task.FromResult(new AuditPage { Records = found, Next = found.Count == query.Limit ? found[^1].Number : null });
    }
}
