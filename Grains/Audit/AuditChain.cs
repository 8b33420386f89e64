using System.Buffers;
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

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_text;

    private static readonly byte[] s_recordLabel = "ivr audit record v1"u8.ToArray();
    private static readonly byte[] s_headLabel = "ivr audit head v1"u8.ToArray();

    /// <summary>The record that follows <paramref name="head"/>. Time is cut to milliseconds, which every store keeps.</summary>
    public AuditRecord Next(AuditHead head, DateTimeOffset at, AuditEntry entry) => After(head.Number, head.Hash, at, entry);

    /// <summary>The record that follows one that is not written yet.</summary>
    public AuditRecord Next(AuditRecord last, DateTimeOffset at, AuditEntry entry) => After(last.Number, last.Hash, at, entry);

    /// <summary>The head of a chain that ends with this record.</summary>
    public AuditHead HeadAfter(AuditRecord last) => new() { Number = last.Number, Hash = last.Hash, Mac = MacOf(last.Number, last.Hash) };

    /// <summary>Whether this chain's key made the head, or there is none yet.</summary>
    public bool IsHead(AuditHead head) => head.Number == 0
        ? head.Hash.Length == 0 && head.Mac.Length == 0
        : CryptographicOperations.FixedTimeEquals(head.Mac, MacOf(head.Number, head.Hash));

    /// <summary>Checks records from the first to the one that the head names, reading each once.</summary>
    public async Task<AuditVerdict> Verify(IAsyncEnumerable<AuditRecord> records, AuditHead head, CancellationToken cancellation = default)
    {
        var check = Check();
        await foreach (var record in records.WithCancellation(cancellation))
        {
            if (check.FaultOf(record) is { } fault) return new AuditVerdict { Records = check.Records, Fault = fault };
        }
        return new AuditVerdict { Records = check.Records, Fault = check.FaultOfEnd(head) };
    }

    /// <summary>Begins a check of records that come one by one.</summary>
    public AuditCheck Check() => new(this);

    private AuditRecord After(long number, byte[] hash, DateTimeOffset at, AuditEntry entry)
    {
        var time = new DateTimeOffset(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMillisecond, TimeSpan.Zero);
        return new AuditRecord { Tenant = tenant, Number = number + 1, At = time, Entry = entry, Hash = HashOf(hash, number + 1, time, entry) };
    }

    internal string? FaultOf(AuditRecord record, long before, byte[] hash)
    {
        if (record.Number != before + 1) return $"record {before + 1} is missing: record {record.Number} stands in its place";
        if (!string.Equals(record.Tenant, tenant, StringComparison.Ordinal)) return $"record {record.Number} is of another tenant";
        return CryptographicOperations.FixedTimeEquals(record.Hash, HashOf(hash, record.Number, record.At, record.Entry))
            ? null
            : $"record {record.Number} was changed, moved, or made without the key";
    }

    internal string? FaultOfEnd(long number, byte[] hash, AuditHead head)
    {
        if (!IsHead(head)) return "the head was changed, or made without the key";
        if (head.Number > number) return $"records {number + 1} to {head.Number} were cut off the end";
        if (head.Number < number) return $"the head names record {head.Number}, but records up to {number} stand in the table";
        return CryptographicOperations.FixedTimeEquals(hash, head.Hash) ? null : "the head is of another chain";
    }

    private byte[] HashOf(byte[] before, long number, DateTimeOffset at, AuditEntry entry)
    {
        var text = Begin(s_recordLabel);
        Add(text, before);
        Add(text, tenant);
        Add(text, number);
        Add(text, at.UtcTicks);
        Add(text, (long)entry.Result);
        Add(text, entry.Actor);
        Add(text, entry.Action);
        Add(text, entry.Origin);
        Add(text, entry.Object);
        Add(text, entry.Detail);
        return HMACSHA256.HashData(key, text.WrittenSpan);
    }

    private byte[] MacOf(long number, byte[] hash)
    {
        var text = Begin(s_headLabel);
        Add(text, tenant);
        Add(text, number);
        Add(text, hash);
        return HMACSHA256.HashData(key, text.WrittenSpan);
    }

    /// <summary>The text is put together first: each part handed to OpenSSL by itself cost more than the hash.</summary>
    private static ArrayBufferWriter<byte> Begin(byte[] label)
    {
        var text = t_text ??= new ArrayBufferWriter<byte>(1024);
        text.ResetWrittenCount();
        text.Write(label);
        return text;
    }

    private static void Add(ArrayBufferWriter<byte> text, string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        BinaryPrimitives.WriteInt32BigEndian(text.GetSpan(4), length);
        text.Advance(4);
        text.Advance(Encoding.UTF8.GetBytes(value, text.GetSpan(length)));
    }

    private static void Add(ArrayBufferWriter<byte> text, ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(text.GetSpan(4), bytes.Length);
        text.Advance(4);
        text.Write(bytes);
    }

    private static void Add(ArrayBufferWriter<byte> text, long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(text.GetSpan(8), number);
        text.Advance(8);
    }
}

/// <summary>A check of one chain, from its first record on.</summary>
public sealed class AuditCheck
{
    private readonly AuditChain _chain;
    private byte[] _hash = [];

    internal AuditCheck(AuditChain chain) => _chain = chain;

    /// <summary>How many held so far.</summary>
    public long Records { get; private set; }

    /// <summary>What is wrong with the next record, or null.</summary>
    public string? FaultOf(AuditRecord record)
    {
        if (_chain.FaultOf(record, Records, _hash) is { } fault) return fault;
        (Records, _hash) = (record.Number, record.Hash);
        return null;
    }

    /// <summary>What is wrong with the head of these records, or null.</summary>
    public string? FaultOfEnd(AuditHead head) => _chain.FaultOfEnd(Records, _hash, head);
}
