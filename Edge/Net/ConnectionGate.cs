using System.Net;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.AspNetCore.Connections;

namespace IvrActors.Edge.Net;

/// <summary>
/// Lets connections in before anything is spent on them (a TLS handshake): of sources that may belong to a trunk only, a bounded number per
/// source and in all, and not many new ones at once.
/// </summary>
internal sealed class ConnectionGate(SipIntake intake, TlsTrust trust)
{
    /// <summary>A trunk needs a few; a hundred softphones behind one address need a hundred.</summary>
    public const int MostPerSource = 256;

    private const int MostInAll = 8192;

    /// <summary>New connections of one source: all it may have at once, as after a restart of either side, then 10 a second. A handshake costs about 1 ms.</summary>
    public static readonly RateLimit HandshakesPerSource = new(10, TimeSpan.FromSeconds(1), 2 * MostPerSource);

    private readonly SourceLimiter _handshakes = new(HandshakesPerSource);
    private readonly Dictionary<UInt128, int> _open = [];
    private readonly Lock _lock = new();
    private int _all;

    /// <summary>Connections that are open or in a handshake.</summary>
    public int Open => Volatile.Read(ref _all);

    public async Task Pass(ConnectionContext connection, SipTransport transport, ConnectionDelegate next)
    {
        if (connection.RemoteEndPoint is not IPEndPoint endPoint) return;
        var source = SourceAddress.Of(endPoint);
        var secure = transport is SipTransport.Tls or SipTransport.Wss;
        if (!intake.AdmitConnection(source, secure, mayProve: secure && trust.MayProve(endPoint.Address))) return;
        if (!_handshakes.Allow(intake.Now, source.Prefix))
        {
            SipMetrics.TooManyHandshakes.Inc();
            return;
        }
        if (!Enter(source.Prefix))
        {
            SipMetrics.TooManyConnections.Inc();
            return;
        }
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(source.Prefix);
        }
    }

    private bool Enter(UInt128 prefix)
    {
        lock (_lock)
        {
            var open = _open.GetValueOrDefault(prefix);
            if (open >= MostPerSource || _all >= MostInAll) return false;
            _open[prefix] = open + 1;
            _all++;
            return true;
        }
    }

    private void Leave(UInt128 prefix)
    {
        lock (_lock)
        {
            _all--;
            if (--_open[prefix] == 0) _open.Remove(prefix);
        }
    }
}
