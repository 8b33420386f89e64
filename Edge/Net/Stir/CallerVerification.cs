using IvrActors.Edge.Stir;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net.Stir;

/// <summary>Verifies callers' identities off the signalling thread: certificates are fetched, then the pure rules judge. Bounded in number; in time by the fetches.</summary>
internal sealed partial class CallerVerification(StirCertificates certificates, StirTrustFiles trust, TimeProvider time, ILogger<CallerVerification> log)
{
    /// <summary>Calls that wait for a certificate at once: two seconds' worth of calls with a server that does not answer.</summary>
    private const int MostAtOnce = 1000;

    private readonly ReplayMemory _replays = new();
    private int _waiting;

    /// <summary>Verifies, and hands the verdict in. Returns at once.</summary>
    public void Begin(StirRequest request, string trunk, Action<StirVerdict> then) =>
        ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Self.Run(work.Request, work.Trunk, work.Then), (Self: this, Request: request, Trunk: trunk, Then: then), preferLocal: false);

    public async Task<StirVerdict> Verify(StirRequest request)
    {
        if (Interlocked.Increment(ref _waiting) > MostAtOnce)
        {
            Interlocked.Decrement(ref _waiting);
            return StirVerdict.Failed(StirFailure.Busy);
        }
        try
        {
            // A PASSporT is as fresh as it was when it came.
            var now = time.GetUtcNow();
            var claims = StirVerifier.Read(request);
            var urls = StirVerifier.UrlsOf(claims);
            var fetched = await Task.WhenAll(urls.Select(certificates.Get));
            var byUrl = urls.Zip(fetched).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
            return StirVerifier.Judge(request, claims, url => byUrl.TryGetValue(url, out var one) ? one : new StirFetched(null, StirFailure.NotFetched), trust.Current, _replays, now);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async Task Run(StirRequest request, string trunk, Action<StirVerdict> then)
    {
        var began = time.GetTimestamp();
        var verdict = StirVerdict.Failed(StirFailure.Internal);
        try
        {
            verdict = await Verify(request);
        }
#pragma warning disable CA1031 // Whatever it is, the caller must not wait for ever.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(log, e.GetType().Name, e.StackTrace ?? "");
        }
        StirMetrics.Verification.Observe(time.GetElapsedTime(began).TotalSeconds);
        StirMetrics.Verified(trunk, verdict);
        then(verdict);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error while an identity was verified: {Error}\n{Stack}")]
    private static partial void InternalError(ILogger log, string error, string stack);
}
