using System.Net;
using DnsClient;
using IvrActors.Edge.Sip.Locating;
using Protocol = DnsClient.Protocol;

namespace IvrActors.Edge.Net.Locating;

/// <summary>DNS look-ups with a bounded cache. A look-up that fails or finds nothing gives an empty list, for a short time.</summary>
internal sealed class DnsAnswers
{
    /// <summary>Names of a few hundred trunks with their services; above it everything is forgotten.</summary>
    private const int MostEntries = 4096;

    /// <summary>More of one kind help nobody.</summary>
    private const int MostRecords = 16;

    /// <summary>Of one look-up, a second server included.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    /// <summary>A record with TTL 0 is asked for with every call; this spares the server a burst of them.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(2);

    /// <summary>A carrier that moves is followed within the hour, whatever TTL it once gave.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    private static readonly TimeSpan s_nothing = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_failed = TimeSpan.FromSeconds(3);

    private readonly LookupClient _client;
    private readonly TimeProvider _time;
    private readonly Dictionary<(QueryType, string), Entry> _entries = [];
    private readonly Lock _lock = new();

    public DnsAnswers(IReadOnlyList<IPEndPoint> servers, TimeProvider time)
    {
        _time = time;
        var options = servers.Count == 0 ? new LookupClientOptions() : new LookupClientOptions([.. servers]);
        options.UseCache = false; // Its cache has no bound and a clock of its own.
        options.Timeout = s_timeout / 2;
        options.Retries = 0;
        options.ContinueOnDnsError = true;
        options.ThrowDnsErrors = false;
        _client = new LookupClient(options);
    }

    public async Task<IReadOnlyList<NaptrRecord>> Naptr(string name) =>
        [.. (await Ask(QueryType.NAPTR, name)).OfType<Protocol.NAPtrRecord>().Select(r => new NaptrRecord(r.Order, r.Preference, r.Flags, r.Services, r.Replacement.Value))];

    public async Task<IReadOnlyList<SrvRecord>> Srv(string name) =>
        [.. (await Ask(QueryType.SRV, name)).OfType<Protocol.SrvRecord>().Select(r => new SrvRecord(r.Priority, r.Weight, r.Port, r.Target.Value.Length > 1 ? r.Target.Value.TrimEnd('.') : "."))];

    public async Task<IReadOnlyList<IPAddress>> V4(string name) => [.. (await Ask(QueryType.A, name)).OfType<Protocol.ARecord>().Select(r => r.Address)];

    public async Task<IReadOnlyList<IPAddress>> V6(string name) => [.. (await Ask(QueryType.AAAA, name)).OfType<Protocol.AaaaRecord>().Select(r => r.Address)];

    private Task<IReadOnlyList<Protocol.DnsResourceRecord>> Ask(QueryType type, string name)
    {
        var key = (type, name.ToLowerInvariant());
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out var known) && _time.GetTimestamp() < Volatile.Read(ref known.Expires)) return known.Answer;
            if (_entries.Count >= MostEntries) _entries.Clear();
            // Until the answer is there, others wait for the same one.
            var entry = new Entry { Expires = long.MaxValue };
            _entries[key] = entry;
            return entry.Answer = Query(type, name, entry);
        }
    }

    private async Task<IReadOnlyList<Protocol.DnsResourceRecord>> Query(QueryType type, string name, Entry entry)
    {
        await Task.Yield(); // The lock is held by who calls.
        var life = s_failed;
        IReadOnlyList<Protocol.DnsResourceRecord> records = [];
        try
        {
            using var patience = new CancellationTokenSource(s_timeout, _time);
            var response = await _client.QueryAsync(name, type, cancellationToken: patience.Token);
            records = [.. response.Answers.Where(record => (int)record.RecordType == (int)type).Take(MostRecords)];
            if (records.Count > 0) life = TimeSpan.FromSeconds(Math.Clamp(records.Min(record => record.InitialTimeToLive), s_shortest.TotalSeconds, s_longest.TotalSeconds));
            else if (!response.HasError || response.Header.ResponseCode == DnsHeaderResponseCode.NotExistentDomain) life = s_nothing;
        }
        catch (Exception e) when (e is DnsResponseException or OperationCanceledException or ArgumentException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            SipMetrics.DnsFailed.Inc();
        }
        Volatile.Write(ref entry.Expires, _time.GetTimestamp() + (long)(life.TotalSeconds * _time.TimestampFrequency));
        return records;
    }

    private sealed class Entry
    {
        public long Expires;

        public Task<IReadOnlyList<Protocol.DnsResourceRecord>> Answer = Task.FromResult<IReadOnlyList<Protocol.DnsResourceRecord>>([]);
    }
}
