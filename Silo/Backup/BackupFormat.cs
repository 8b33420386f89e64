using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>What a backup says of itself first.</summary>
/// <param name="Format">Of what follows: which tables, with which columns.</param>
/// <param name="Cluster">Whose it is.</param>
/// <param name="Service">Bound into the encryption of each row.</param>
/// <param name="At">When.</param>
/// <param name="Version">Of the program that made it.</param>
/// <param name="Store">The kind of database that it was made of, and the newest script of it: for people, as the tables that follow are the same for all.</param>
internal sealed record BackupHeader(int Format, string Cluster, string Service, DateTimeOffset At, string Version, string Store);

/// <summary>How many rows of a table, and what they are: SHA-256 over them as they stand in a backup.</summary>
internal sealed record TableSum(long Rows, byte[] Digest);

/// <summary>
/// What is inside of the envelope: a header, six tables in one order, each with its number of rows and its digest, and an end. Neutral: the same, whichever kind of database it is of.
/// </summary>
/// <remarks>
/// <code>
/// record: kind (1) | length (4, big endian) | body
///   H  header, JSON                              T  name of a table
///   R  a row: texts (UTF-8) and bytes behind their length (4), numbers in 8 bytes
///   E  rows of the table (8) | SHA-256 of its rows, lengths included (32)
///   Z  SHA-256 of the digests of all tables (32)
/// </code>
/// </remarks>
internal static class BackupFormat
{
    public const int Number = 1;

    /// <summary>A row that is longer than that is none of ours.</summary>
    public const int MostRecord = 64 * 1024 * 1024;

    public const byte HeaderKind = (byte)'H';
    public const byte TableKind = (byte)'T';
    public const byte RowKind = (byte)'R';
    public const byte SumKind = (byte)'E';
    public const byte EndKind = (byte)'Z';

    /// <summary>What opens the key ring of a development cluster, which makes that for itself: it stands in the data folder, and is lost with it. Of others nothing stands here.</summary>
    public static readonly StoredTable Certificate = new("certificate", 1, new StoredColumn("name", ColumnKind.Text), new StoredColumn("content", ColumnKind.Bytes));

    /// <summary>Keys stand before what they open, heads before their records: whoever reads it checks as it comes.</summary>
    public static readonly IReadOnlyList<StoredTable> Tables =
        [Certificate, StoredTable.KeyElements, StoredTable.KeySecrets, StoredTable.States, StoredTable.AuditHeads, StoredTable.AuditRecords];

    public static byte[] Write(BackupHeader header) => JsonSerializer.SerializeToUtf8Bytes(header);

    public static BackupHeader ReadHeader(ReadOnlySpan<byte> body) => JsonSerializer.Deserialize<BackupHeader>(body) ?? throw new JsonException();

    public static void Write(ArrayBufferWriter<byte> body, StoredTable table, object[] row)
    {
        if (row.Length != table.Columns.Count) throw new InvalidOperationException($"internal error: a row of {table.Name} with {row.Length} values");
        foreach (var value in row)
        {
            switch (value)
            {
                case string text:
                    var length = Encoding.UTF8.GetByteCount(text);
                    WriteLength(body, length);
                    body.Advance(Encoding.UTF8.GetBytes(text, body.GetSpan(length)));
                    break;
                case byte[] bytes:
                    WriteLength(body, bytes.Length);
                    body.Write(bytes);
                    break;
                case long number:
                    BinaryPrimitives.WriteInt64BigEndian(body.GetSpan(sizeof(long)), number);
                    body.Advance(sizeof(long));
                    break;
                default:
                    throw new InvalidOperationException("internal error: a value of no column");
            }
        }
    }

    public static object[] ReadRow(ReadOnlySpan<byte> body, StoredTable table)
    {
        var row = new object[table.Columns.Count];
        for (var i = 0; i < row.Length; i++)
        {
            if (table.Columns[i].Kind is ColumnKind.Number or ColumnKind.SmallNumber)
            {
                row[i] = BinaryPrimitives.ReadInt64BigEndian(body);
                body = body[sizeof(long)..];
                continue;
            }
            var end = sizeof(int) + BinaryPrimitives.ReadInt32BigEndian(body);
            var value = body[sizeof(int)..end];
            row[i] = table.Columns[i].Kind == ColumnKind.Text ? Encoding.UTF8.GetString(value) : value.ToArray();
            body = body[end..];
        }
        return body.IsEmpty ? row : throw new ArgumentOutOfRangeException(nameof(body));
    }

    private static void WriteLength(ArrayBufferWriter<byte> body, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(body.GetSpan(sizeof(int)), length);
        body.Advance(sizeof(int));
    }
}

/// <summary>Counts rows and takes their digest as they pass.</summary>
internal sealed class TableSumming : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _rows;

    public void Add(ReadOnlySpan<byte> body)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, body.Length);
        _hash.AppendData(length);
        _hash.AppendData(body);
        _rows++;
    }

    public TableSum Sum() => new(_rows, _hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();

    /// <summary>Of rows that stand in a database.</summary>
    public static async Task<TableSum> Of(StoredTable table, IAsyncEnumerable<object[]> rows)
    {
        using var summing = new TableSumming();
        var body = new ArrayBufferWriter<byte>();
        await foreach (var row in rows.ConfigureAwait(false))
        {
            body.ResetWrittenCount();
            BackupFormat.Write(body, table, row);
            summing.Add(body.WrittenSpan);
        }
        return summing.Sum();
    }
}
