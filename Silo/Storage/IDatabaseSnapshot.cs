namespace IvrActors.Silo.Storage;

/// <summary>What stands in a database at one moment, whatever is written meanwhile.</summary>
internal interface IDatabaseSnapshot : IAsyncDisposable
{
    /// <summary>The newest script that ran in it: the one that this version knows as its newest.</summary>
    int Script { get; }

    /// <summary>The rows in the order of their keys. To be read to the end before the next is asked for.</summary>
    IAsyncEnumerable<object[]> Rows(StoredTable table);
}

/// <summary>A transaction that fills an empty database; what it wrote is gone unless it is committed. It reads what it wrote, and nobody else writes meanwhile.</summary>
internal interface IDatabaseLoad : IDatabaseSnapshot
{
    Task<long> Count(StoredTable table);

    Task Add(StoredTable table, IAsyncEnumerable<object[]> rows);

    /// <summary>Lets a head of the ledger stand in place of the one of its tenant.</summary>
    Task SetHead(object[] head);

    Task Commit();
}
