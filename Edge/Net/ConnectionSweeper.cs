namespace IvrActors.Edge.Net;

/// <summary>Cuts off peers that send a message too slowly, or nothing for very long. One timer for all connections.</summary>
internal sealed class ConnectionSweeper : IDisposable
{
    /// <summary>A whole message fits into a few packets.</summary>
    private static readonly TimeSpan s_mostPartial = TimeSpan.FromSeconds(10);

    /// <summary>Longer than the keep-alive of any client, and than a call without new signalling is likely to last.</summary>
    private static readonly TimeSpan s_mostIdle = TimeSpan.FromHours(1);

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly ITimer _timer;

    public ConnectionSweeper(SipTransports transports, TimeProvider time) =>
        _timer = time.CreateTimer(_ => Sweep(transports), null, s_period, s_period);

    public void Dispose() => _timer.Dispose();

    private static void Sweep(SipTransports transports)
    {
        foreach (var connection in transports.Connections)
        {
            if (connection.PartialFor < s_mostPartial && connection.IdleFor < s_mostIdle) continue;
            SipMetrics.SlowSender.Inc();
            connection.Abort();
        }
    }
}
