using System.Net;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace IvrActors.Edge.Net;

/// <summary>Takes the TCP and TLS connections that Kestrel accepted.</summary>
internal sealed class SipConnectionHandler(SipTransports transports, SipIntake intake, SipStream stream, TimeProvider time) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (connection.RemoteEndPoint is not IPEndPoint remote) return;
        var source = SourceAddress.Of(remote);
        var verified = connection.Features.Get<TlsPeer>();
        var secure = connection.Features.Get<ITlsHandshakeFeature>() is not null;
        if (intake.TrunkOf(source, secure, verified) is not { } trunk) return;
        NoteLocalPort(connection, secure);
        var peer = new SipPeer(secure ? SipTransport.Tls : SipTransport.Tcp, source.ToEndPoint(), transports.NextConnection(), trunk) { Certified = verified?.Trunks ?? [] };
        var sip = new SipConnection(peer, time, connection.Abort) { Identities = verified?.Identities ?? [] };
        transports.Add(sip);
        try
        {
            await stream.Serve(sip, connection.Transport, source);
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException or ConnectionResetException or OperationCanceledException or TimeoutException)
        {
            // The peer went away, or was cut off.
        }
    }

    /// <summary>A listener on port 0 learns its port from its first connection.</summary>
    private void NoteLocalPort(ConnectionContext connection, bool secure)
    {
        if (connection.LocalEndPoint is not IPEndPoint local) return;
        if (secure && transports.Address.TlsPort == 0) transports.Address.TlsPort = local.Port;
        if (!secure && transports.Address.TcpPort == 0) transports.Address.TcpPort = local.Port;
    }
}
