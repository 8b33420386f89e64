namespace IvrActors.Silo.Storage;

internal enum ColumnKind
{
    Text,
    Bytes,

    /// <summary>64 bits.</summary>
    Number,

    /// <summary>32 bits.</summary>
    SmallNumber,
}

internal sealed record StoredColumn(string Name, ColumnKind Kind);

/// <summary>
/// A table that holds something of the cluster, with the same columns in every kind of database. A row is an array of what stands in them, in that order: <see cref="string"/>,
/// <c>byte[]</c> or <see cref="long"/>.
/// </summary>
/// <param name="keys">How many columns, from the first, are its primary key.</param>
internal sealed class StoredTable(string name, int keys, params StoredColumn[] columns)
{
    public static readonly StoredTable States = new("grain_state", 2, Text("state"), Text("grain"), Number("version"), Bytes("payload"));

    public static readonly StoredTable AuditHeads = new("audit_head", 1, Text("tenant"), Number("number"), Bytes("hash"), Bytes("mac"));

    public static readonly StoredTable AuditRecords = new(
        "audit_record", 2, Text("tenant"), Number("number"), Number("at"), Text("actor"), Text("action"), new("result", ColumnKind.SmallNumber), Text("origin"), Text("object"), Text("detail"),
        Bytes("hash"));

    public static readonly StoredTable KeyElements = new("key_element", 1, Text("name"), Text("xml"));

    public static readonly StoredTable KeySecrets = new("key_secret", 1, Text("name"), Bytes("content"));

    public string Name => name;

    public IReadOnlyList<StoredColumn> Columns => columns;

    public string ColumnList { get; } = string.Join(", ", columns.Select(column => column.Name));

    /// <summary>Reads all of it in the order of its key, which both databases compare as bytes.</summary>
    public string Select { get; } = $"SELECT {string.Join(", ", columns.Select(column => column.Name))} FROM {name} ORDER BY {string.Join(", ", columns.Take(keys).Select(column => column.Name))}";

    public string SelectCount { get; } = $"SELECT count(*) FROM {name}";

    private static StoredColumn Text(string name) => new(name, ColumnKind.Text);

    private static StoredColumn Number(string name) => new(name, ColumnKind.Number);

    private static StoredColumn Bytes(string name) => new(name, ColumnKind.Bytes);
}
