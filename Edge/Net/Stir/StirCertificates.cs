using IvrActors.Edge.Stir;

namespace IvrActors.Edge.Net.Stir;

/// <summary>
/// Certificates by their URL: each fetched once for all calls that need it, and remembered for a day; a failure for half a minute, so that a server that is down is not asked with each
/// call. A certificate that is not trusted is as good as a failure: anybody can make those, and must not push others out. Bounded in entries and in fetches at once. Any thread.
/// </summary>
internal sealed class StirCertificates(Func<string, Task<(FetchResult Result, StirCertificate? Certificate)>> fetch, Func<StirCertificate, bool> isTrusted, TimeProvider time)
{
    /// <summary>A country has some hundred signers with a few certificates each.</summary>
    internal const int MostEntries = 1024;

    /// <summary>What waits longer than its turn is better refused: every URL of a stranger may be a slow one.</summary>
    internal const int MostAtOnce = 32;

    private static readonly TimeSpan s_life = TimeSpan.FromHours(24);
    private static readonly TimeSpan s_failed = TimeSpan.FromSeconds(30);

    /// <summary>One that is over its time is asked for again, yet not with each call.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private int _fetching;

    public Task<StirFetched> Get(string url)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(url, out var known) && time.GetUtcNow() < known.Until) return known.Answer;
            if (_fetching >= MostAtOnce)
            {
                StirMetrics.Fetched(FetchResult.Busy);
                return Task.FromResult(new StirFetched(null, StirFailure.Busy));
            }
            if (known is null && _entries.Count >= MostEntries) MakeRoom();
            _fetching++;
            // Until the answer is there, others wait for the same one.
            var entry = new Entry();
            _entries[url] = entry;
            StirMetrics.Cached.Set(_entries.Count);
            return entry.Answer = Fetch(url, entry);
        }
    }

    private async Task<StirFetched> Fetch(string url, Entry entry)
    {
        await Task.Yield(); // The lock is held by who calls.
        var (result, certificate, isKept) = (FetchResult.Unreachable, default(StirCertificate), false);
        try
        {
            (result, certificate) = await fetch(url);
            isKept = certificate is not null && isTrusted(certificate);
        }
        finally
        {
            StirMetrics.Fetched(result);
            lock (_lock)
            {
                _fetching--;
                entry.Until = time.GetUtcNow() + (isKept ? LifeOf(certificate!) : s_failed);
                entry.IsFailure = !isKept;
            }
        }
        return new StirFetched(certificate, certificate is not null ? StirFailure.None : result == FetchResult.NoCertificate ? StirFailure.BadCertificate : StirFailure.NotFetched);
    }

    private TimeSpan LifeOf(StirCertificate certificate)
    {
        var left = certificate.NotAfter - time.GetUtcNow();
        return left < s_shortest ? s_shortest : left < s_life ? left : s_life;
    }

    /// <summary>A quarter goes: what is over, then failures, then what is over soonest. Those under way stay.</summary>
    private void MakeRoom()
    {
        var now = time.GetUtcNow();
        foreach (var (url, _) in _entries.Where(entry => entry.Value.Until != DateTimeOffset.MaxValue)
            .OrderBy(entry => entry.Value.Until > now).ThenBy(entry => !entry.Value.IsFailure).ThenBy(entry => entry.Value.Until).Take(MostEntries / 4).ToList()) _entries.Remove(url);
    }

    private sealed class Entry
    {
        /// <summary>Never while the fetch is under way.</summary>
        public DateTimeOffset Until { get; set; } = DateTimeOffset.MaxValue;

        public bool IsFailure { get; set; }

        public Task<StirFetched> Answer { get; set; } = Task.FromResult(new StirFetched(null, StirFailure.NotFetched));
    }
}
