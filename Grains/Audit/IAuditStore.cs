using IvrActors.Grains.Interfaces.Audit;

namespace IvrActors.Grains.Audit;

/// <summary>The table of audit records. Only appends and reads; the chain is computed by the grain.</summary>
public interface IAuditStore
{
    /// <summary>The last record's number, hash and MAC; number 0 when there is none.</summary>
    Task<AuditHead> ReadHead(string tenant);

    /// <summary>Writes records and the new head in one transaction. Fails when the stored head is not <paramref name="expected"/>.</summary>
    Task Append(string tenant, AuditHead expected, IReadOnlyList<AuditRecord> records, AuditHead head);

    /// <summary>All records from <paramref name="from"/> on, in the order of their numbers, as they stand in the table.</summary>
    IAsyncEnumerable<AuditRecord> Read(string tenant, long from);

    /// <summary>Newest first.</summary>
    Task<AuditPage> Search(string tenant, AuditQuery query);
}

/// <summary>The end of a chain. <see cref="Mac"/> covers tenant, number and hash, so that records cannot be cut off the end unseen.</summary>
public sealed class AuditHead
{
    public required long Number { get; init; }
    public required byte[] Hash { get; init; }
    public required byte[] Mac { get; init; }
}
