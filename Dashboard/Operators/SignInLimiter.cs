using System.Threading.RateLimiting;

namespace IvrActors.Dashboard.Operators;

/// <summary>How often one network may try to sign in or join: the brake for names that have no lock because they do not exist.</summary>
internal sealed class SignInLimiter(DashboardOptions options) : IDisposable
{
    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(network =>
        RateLimitPartition.GetSlidingWindowLimiter(network, _ => new SlidingWindowRateLimiterOptions
        {
            PermitLimit = options.SignInsPerMinute,
            Window = TimeSpan.FromMinutes(1),
            SegmentsPerWindow = 6,
            QueueLimit = 0,
        }));

    public bool TryTake(HttpContext http)
    {
        using var lease = _limiter.AttemptAcquire(OperatorActs.Network(http.Connection.RemoteIpAddress));
        if (!lease.IsAcquired) OperatorActs.CountLimited();
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter.Dispose();
}
