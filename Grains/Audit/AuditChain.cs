using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Audit;

namespace IvrActors.Grains.Audit;

/// <summary>
/// The hash chain of one tenant, without storage or clock: makes records and checks them. What is chained is
/// <code>
/// Hash(n) = HMAC-SHA-256(key, "ivr audit record v1" | Hash(n-1) | tenant | number | UTC ticks | result | actor | action | origin | object | detail)
/// Mac     = HMAC-SHA-256(key, "ivr audit head v1" | tenant | number | Hash(number))
/// </code>
/// where every text and byte string stands behind its length (int32) and numbers are int64, big endian. An edit, a removed, added or moved record breaks a
/// hash; a cut-off end breaks the head. It cannot see that table and head were put back together to an older copy: only a head kept elsewhere shows that.
/// </summary>
/// <param name="key">32 bytes.</param>
public sealed class AuditChain(string tenant, byte[] key)
{
    /// <summary>Where a check begins to read. Not at 1: a record slipped in below it would be shown by a search and seen by no check.</summary>
    public const long First = long.MinValue;

    private static readonly byte[] s_recordLabel = "ivr audit record v1"u8.ToArray();
    private static readonly byte[] s_headLabel = "ivr audit head v1"u8.ToArray();

    /// <summary>The record that follows <paramref name="head"/>. Time is cut to milliseconds, which every store keeps.</summary>
    public AuditRecord Next(AuditHead head, DateTimeOffset at, AuditEntry entry)
    {
        var time = new DateTimeOffset(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMillisecond, TimeSpan.Zero);
        return new AuditRecord { Tenant = tenant, Number = head.Number + 1, At = time, Entry = entry, Hash = HashOf(head.Hash, head.Number + 1, time, entry) };
    }

    /// <summary>The head of a chain that ends with this record.</summary>
    public AuditHead HeadAfter(AuditRecord last) => new() { Number = last.Number, Hash = last.Hash, Mac = MacOf(last.Number, last.Hash) };

    /// <summary>Whether this chain's key made the head, or there is none yet.</summary>
    public bool IsHead(AuditHead head) => head.Number == 0
        ? head.Hash.Length == 0 && head.Mac.Length == 0
        : CryptographicOperations.FixedTimeEquals(head.Mac, MacOf(head.Number, head.Hash));

    /// <summary>Checks records from the first to the one that the head names, reading each once.</summary>
    public async Task<AuditVerdict> Verify(IAsyncEnumerable<AuditRecord> records, AuditHead head, CancellationToken cancellation = default)
    {
        var number = 0L;
        var hash = Array.Empty<byte>();
        await foreach (var record in records.WithCancellation(cancellation))
        {
            if (FaultOf(record, number, hash) is { } fault) return new AuditVerdict { Records = number, Fault = fault };
            number = record.Number;
            hash = record.Hash;
        }
        return new AuditVerdict { Records = number, Fault = FaultOfEnd(number, hash, head) };
    }

    private string? FaultOf(AuditRecord record, long before, byte[] hash)
    {
        if (record.Number != before + 1) return $"record {before + 1} is missing: record {record.Number} stands in its place";
        if (!string.Equals(record.Tenant, tenant, StringComparison.Ordinal)) return $"record {record.Number} is of another tenant";
        return CryptographicOperations.FixedTimeEquals(record.Hash, HashOf(hash, record.Number, record.At, record.Entry))
            ? null
            : $"record {record.Number} was changed, moved, or made without the key";
    }

    private string? FaultOfEnd(long number, byte[] hash, AuditHead head)
    {
        if (!IsHead(head)) return "the head was changed, or made without the key";
        if (head.Number > number) return $"records {number + 1} to {head.Number} were cut off the end";
        if (head.Number < number) return $"the head names record {head.Number}, but records up to {number} stand in the table";
        return CryptographicOperations.FixedTimeEquals(hash, head.Hash) ? null : "the head is of another chain";
    }

    private byte[] HashOf(byte[] before, long number, DateTimeOffset at, AuditEntry entry)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        mac.AppendData(s_recordLabel);
        Add(mac, before);
        Add(mac, tenant);
        Add(mac, number);
        Add(mac, at.UtcTicks);
        Add(mac, (long)entry.Result);
        Add(mac, entry.Actor);
        Add(mac, entry.Action);
        Add(mac, entry.Origin);
        Add(mac, entry.Object);
        Add(mac, entry.Detail);
        return mac.GetHashAndReset();
    }

    private byte[] MacOf(long number, byte[] hash)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        mac.AppendData(s_headLabel);
        Add(mac, tenant);
        Add(mac, number);
        Add(mac, hash);
        return mac.GetHashAndReset();
    }

    private static void Add(IncrementalHash mac, string text) => Add(mac, Encoding.UTF8.GetBytes(text));

    private static void Add(IncrementalHash mac, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        mac.AppendData(length);
        mac.AppendData(bytes);
    }

    private static void Add(IncrementalHash mac, long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        mac.AppendData(bytes);
    }
}
