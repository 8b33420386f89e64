namespace IvrActors.Edge.Net;

/// <summary>Cuts off peers that send a message too slowly, nothing for very long, or no answer to a ping; and sends the pings. One timer for all connections.</summary>
internal sealed class ConnectionSweeper : IDisposable
{
    /// <summary>A whole message fits into a few packets.</summary>
    private static readonly TimeSpan s_mostPartial = TimeSpan.FromSeconds(10);

    /// <summary>Longer than the keep-alive of any client, and than a call without new signalling is likely to last.</summary>
    private static readonly TimeSpan s_mostIdle = TimeSpan.FromHours(1);

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);
    private static readonly byte[] s_ping = "\r\n\r\n"u8.ToArray();

    private readonly ITimer _timer;

    public ConnectionSweeper(SipTransports transports, TimeProvider time) =>
        _timer = time.CreateTimer(_ => Sweep(transports, time.GetElapsedTime(0)), null, s_period, s_period);

    public void Dispose() => _timer.Dispose();

    private static void Sweep(SipTransports transports, TimeSpan now)
    {
        foreach (var connection in transports.Connections)
        {
            if (connection.PartialFor >= s_mostPartial || connection.IdleFor >= s_mostIdle)
            {
                SipMetrics.SlowSender.Inc();
                connection.Abort();
            }
            else if (connection is { IsOpen: true, KeepAlive: { } keepAlive })
            {
                Ping(connection, keepAlive.Step(now));
            }
        }
    }

    private static void Ping(SipConnection connection, KeepAliveStep step)
    {
        if (step == KeepAliveStep.Ping) connection.TrySend(s_ping);
        if (step != KeepAliveStep.Dead) return;
        SipMetrics.KeepAliveLost.Inc();
        connection.Abort();
    }
}
