using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>
/// Reads the records of a backup. What it reads was authenticated before, so whatever does not fit was written wrongly; it is refused all the same.
/// </summary>
/// <param name="input">Stays the caller's.</param>
internal sealed class BackupReader(Stream input, TransferProgress progress)
{
    private readonly IncrementalHash _sums = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _body = new byte[4096];
    private int _tables;

    /// <exception cref="BackupException">It is of a newer format.</exception>
    public BackupHeader Begin()
    {
        try
        {
            var header = BackupFormat.ReadHeader(Expect(BackupFormat.HeaderKind));
            // An older format is read as it was written: of the first there is none.
            return header.Format <= BackupFormat.Number
                ? header
                : throw new BackupException($"The backup is of format {header.Format}, made by version {header.Version}, and this version knows {BackupFormat.Number}: restore it with a later version.");
        }
        catch (JsonException)
        {
            throw Malformed();
        }
    }

    /// <summary>The rows of the next table.</summary>
    /// <param name="ended">Told their number and digest, which were compared, at the end.</param>
    public async IAsyncEnumerable<object[]> Rows(StoredTable table, Action<TableSum>? ended = null)
    {
        if (BackupFormat.Tables[_tables++] != table) throw new InvalidOperationException("internal error: tables are read in the order in which they stand");
        if (Encoding.UTF8.GetString(Expect(BackupFormat.TableKind)) != table.Name) throw Malformed();
        using var summing = new TableSumming();
        while (Next(out var length) == BackupFormat.RowKind)
        {
            summing.Add(_body.AsSpan(0, length));
            progress.Add(1, length);
            yield return RowOf(length, table);
        }
        var sum = summing.Sum();
        if (!IsSum(sum)) throw new BackupException($"The rows of {table.Name} in the backup are not those that it says it holds.");
        _sums.AppendData(sum.Digest);
        ended?.Invoke(sum);
        await Task.CompletedTask.ConfigureAwait(false);
    }

    /// <exception cref="BackupException">It does not end here.</exception>
    public void End()
    {
        if (!Expect(BackupFormat.EndKind).SequenceEqual(_sums.GetHashAndReset()) || input.ReadByte() >= 0) throw Malformed();
        _sums.Dispose();
    }

    private object[] RowOf(int length, StoredTable table)
    {
        try
        {
            return BackupFormat.ReadRow(_body.AsSpan(0, length), table);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw Malformed();
        }
    }

    // The record that ended the rows, still in the buffer.
    private bool IsSum(TableSum sum) =>
        _kind == BackupFormat.SumKind && _length == sizeof(long) + sum.Digest.Length && BinaryPrimitives.ReadInt64BigEndian(_body) == sum.Rows && _body.AsSpan(sizeof(long), sum.Digest.Length).SequenceEqual(sum.Digest);

    private byte _kind;
    private int _length;

    private ReadOnlySpan<byte> Expect(byte kind) => Next(out var length) == kind ? _body.AsSpan(0, length) : throw Malformed();

    private byte Next(out int length)
    {
        Span<byte> start = stackalloc byte[5];
        ReadAll(start);
        length = BinaryPrimitives.ReadInt32BigEndian(start[1..]);
        if (length is < 0 or > BackupFormat.MostRecord) throw Malformed();
        if (_body.Length < length) _body = new byte[Math.Max(length, Math.Min(_body.Length * 2, BackupFormat.MostRecord))];
        ReadAll(_body.AsSpan(0, length));
        (_kind, _length) = (start[0], length);
        return _kind;
    }

    private void ReadAll(Span<byte> bytes)
    {
        if (input.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw new BackupException("The backup is not whole: whoever wrote it did not come to its end.");
    }

    private static BackupException Malformed() => new("The backup is not in the form of its format: it was not written by ivr, or not rightly.");
}
