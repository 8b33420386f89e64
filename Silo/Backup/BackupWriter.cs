using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>Writes the records of a backup, row by row as they come.</summary>
/// <param name="output">Stays the caller's.</param>
internal sealed class BackupWriter(Stream output, TransferProgress progress)
{
    private readonly IncrementalHash _sums = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ArrayBufferWriter<byte> _body = new();

    public void Begin(BackupHeader header) => Write(BackupFormat.HeaderKind, BackupFormat.Write(header));

    public async Task<TableSum> Add(StoredTable table, IAsyncEnumerable<object[]> rows)
    {
        Write(BackupFormat.TableKind, Encoding.UTF8.GetBytes(table.Name));
        using var summing = new TableSumming();
        await foreach (var row in rows.ConfigureAwait(false))
        {
            _body.ResetWrittenCount();
            BackupFormat.Write(_body, table, row);
            if (_body.WrittenCount > BackupFormat.MostRecord) throw new BackupException($"A row of {table.Name} is longer than {BackupFormat.MostRecord} bytes.");
            summing.Add(_body.WrittenSpan);
            Write(BackupFormat.RowKind, _body.WrittenSpan);
            progress.Add(1, _body.WrittenCount);
        }
        var sum = summing.Sum();
        var end = new byte[sizeof(long) + sum.Digest.Length];
        BinaryPrimitives.WriteInt64BigEndian(end, sum.Rows);
        sum.Digest.CopyTo(end, sizeof(long));
        _sums.AppendData(sum.Digest);
        Write(BackupFormat.SumKind, end);
        return sum;
    }

    public void End()
    {
        Write(BackupFormat.EndKind, _sums.GetHashAndReset());
        _sums.Dispose();
    }

    private void Write(byte kind, ReadOnlySpan<byte> body)
    {
        Span<byte> start = stackalloc byte[5];
        start[0] = kind;
        BinaryPrimitives.WriteInt32BigEndian(start[1..], body.Length);
        output.Write(start);
        output.Write(body);
    }
}
