using System.Net;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net;

/// <summary>Lets connections in before anything is spent on them (a TLS handshake): of known trunks only, and a bounded number per source.</summary>
internal sealed class ConnectionGate(SipIntake intake)
{
    /// <summary>A trunk needs a few; a hundred softphones behind one address need a hundred.</summary>
    public const int MostPerSource = 256;

    private const int MostInAll = 8192;

    private readonly Dictionary<UInt128, int> _open = [];
    private readonly Lock _lock = new();
    private int _all;

    public async Task Pass(ConnectionContext connection, ConnectionDelegate next)
    {
        if (connection.RemoteEndPoint is not IPEndPoint endPoint) return;
        var source = SourceAddress.Of(endPoint);
        if (intake.Admit(source, proven: true) is null) return;
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
