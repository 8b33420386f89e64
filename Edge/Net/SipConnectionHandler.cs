using System.Buffers;
using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace IvrActors.Edge.Net;

/// <summary>SIP over TCP and TLS (RFC 3261 18.3): cuts the stream into messages, answers keep-alives, and closes on what cannot be cut.</summary>
internal sealed class SipConnectionHandler(SipTransports transports, SipIntake intake, TimeProvider time) : ConnectionHandler
{
    /// <summary>A peer that does not take our last answer has this long.</summary>
    private static readonly TimeSpan s_lastWrite = TimeSpan.FromSeconds(5);

    /// <summary>A sender above its limit is slowed down by not reading; above this wait it is cut off.</summary>
    private static readonly TimeSpan s_mostWait = TimeSpan.FromSeconds(2);

    /// <summary>While the signalling thread is behind, streams wait in the network.</summary>
    private static readonly TimeSpan s_floodPause = TimeSpan.FromMilliseconds(20);

    private static readonly byte[] s_pong = "\r\n"u8.ToArray();

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (connection.RemoteEndPoint is not IPEndPoint remote) return;
        var source = SourceAddress.Of(remote);
        if (intake.Trunks.Find(source) is not { } trunk) return;
        var secure = connection.Features.Get<ITlsHandshakeFeature>() is not null;
        NoteLocalPort(connection, secure);
        var peer = new SipPeer(secure ? SipTransport.Tls : SipTransport.Tcp, source.ToEndPoint(), transports.NextConnection(), trunk);
        var sip = new SipConnection(connection, peer, time);
        transports.Add(sip);
        var writing = sip.WriteAll();
        try
        {
            await Read(connection, sip, source);
            await writing.WaitAsync(s_lastWrite, time);
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException or ConnectionResetException or OperationCanceledException or TimeoutException)
        {
            // The peer went away, or was cut off.
        }
        finally
        {
            transports.Remove(sip);
            sip.Complete();
            intake.Gone(peer);
        }
    }

    /// <summary>A listener on port 0 learns its port from its first connection.</summary>
    private void NoteLocalPort(ConnectionContext connection, bool secure)
    {
        if (connection.LocalEndPoint is not IPEndPoint local) return;
        if (secure && transports.Address.TlsPort == 0) transports.Address.TlsPort = local.Port;
        if (!secure && transports.Address.TcpPort == 0) transports.Address.TcpPort = local.Port;
    }

    private async Task Read(ConnectionContext connection, SipConnection sip, SourceAddress source)
    {
        var input = connection.Transport.Input;
        var framer = new SipFramer();
        while (true)
        {
            var read = await input.ReadAsync();
            var buffer = read.Buffer;
            while (true)
            {
                var frame = framer.Next(buffer);
                if (frame.Kind == SipFrameKind.NeedMore) break;
                if (frame.Kind == SipFrameKind.Fault)
                {
                    if (frame.Length > 0) intake.Take(SipParser.ParseFramed(Memory(buffer.Slice(0, frame.Length))), sip.Peer);
                    else SipMetrics.Rejected(frame.Rejection);
                    intake.Close(sip.Peer);
                    input.AdvanceTo(buffer.End);
                    return;
                }
                if (frame.Kind == SipFrameKind.KeepAlivePing) sip.TrySend(s_pong);
                if (frame.Kind == SipFrameKind.Message)
                {
                    // What we make it wait for is not the peer's slowness, and what begins behind this message is another one.
                    sip.Progress(partial: false);
                    if (!await Permitted(source)) throw new ConnectionAbortedException();
                    intake.Take(SipParser.ParseFramed(Memory(buffer.Slice(0, frame.Length))), sip.Peer);
                }
                buffer = buffer.Slice(frame.Length);
            }
            sip.Progress(partial: !buffer.IsEmpty);
            input.AdvanceTo(buffer.Start, buffer.End);
            if (!read.IsCompleted && !read.IsCanceled) continue;
            intake.Close(sip.Peer);
            return;
        }
    }

    private async ValueTask<bool> Permitted(SourceAddress source)
    {
        if (intake.IsBlocked(source)) return false;
        while (intake.IsFlooded) await Task.Delay(s_floodPause, time);
        var decision = intake.Limiter.Take(intake.Now, source.Prefix);
        while (!decision.Allowed)
        {
            SipMetrics.RateLimited.Inc();
            if (decision.RetryAfter > s_mostWait) return false;
            await Task.Delay(decision.RetryAfter + TimeSpan.FromMilliseconds(1), time);
            decision = intake.Limiter.Take(intake.Now, source.Prefix);
        }
        return true;
    }

    private static ReadOnlyMemory<byte> Memory(in ReadOnlySequence<byte> sequence) => sequence.IsSingleSegment ? sequence.First : sequence.ToArray();
}
