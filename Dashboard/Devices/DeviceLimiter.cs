using System.Threading.RateLimiting;
using IvrActors.Dashboard.Operators;

namespace IvrActors.Dashboard.Devices;

/// <summary>How often one network may ask for callers' devices. Secrets cannot be guessed; this keeps strangers from having grains loaded for names that they make up.</summary>
internal sealed class DeviceLimiter : IDisposable
{
    // An open page asks 30 times a minute; people of one office or mobile carrier share a network.
    private const int PerMinute = 1200;

    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(network =>
        RateLimitPartition.GetSlidingWindowLimiter(network, _ => new SlidingWindowRateLimiterOptions { PermitLimit = PerMinute, Window = TimeSpan.FromMinutes(1), SegmentsPerWindow = 6, QueueLimit = 0 }));

    public bool TryTake(HttpContext http)
    {
        using var lease = _limiter.AttemptAcquire(OperatorActs.Network(http.Connection.RemoteIpAddress));
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter.Dispose();
}
