using System.Buffers;
using System.IO.Pipelines;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Net;

/// <summary>SIP over a stream (RFC 3261 18.3): cuts it into messages, answers keep-alives, and closes on what cannot be cut.</summary>
internal sealed class SipStream(SipTransports transports, SipIntake intake, TimeProvider time)
{
    /// <summary>A peer that does not take our last answer has this long.</summary>
    private static readonly TimeSpan s_lastWrite = TimeSpan.FromSeconds(5);

    private static readonly byte[] s_pong = "\r\n"u8.ToArray();

    /// <summary>Serves a connection that stands in the table until it ends, then takes it out and tells that it is gone.</summary>
    public async Task Serve(SipConnection connection, IDuplexPipe pipe, SourceAddress source)
    {
        var writing = connection.WriteAll(pipe.Output);
        try
        {
            var reading = Read(connection, pipe.Input, source);
            // Whoever completed the queue, or cannot write any more, wants the end: there is nothing to wait for from the peer.
            if (await Task.WhenAny(reading, writing) == writing) pipe.Input.CancelPendingRead();
            await reading;
            await writing.WaitAsync(s_lastWrite, time);
        }
        finally
        {
            transports.Remove(connection);
            connection.Complete();
            intake.Gone(connection.Peer);
        }
    }

    private async Task Read(SipConnection connection, PipeReader input, SourceAddress source)
    {
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
                    if (frame.Length > 0) intake.Take(Memory(buffer.Slice(0, frame.Length)), connection.Peer, framed: true);
                    else SipMetrics.Rejected(frame.Rejection);
                    intake.Close(connection.Peer);
                    input.AdvanceTo(buffer.End);
                    return;
                }
                if (frame.Kind == SipFrameKind.KeepAlivePing) connection.TrySend(s_pong);
                if (frame.Kind == SipFrameKind.KeepAlivePong) connection.KeepAlive?.Ponged();
                if (frame.Kind == SipFrameKind.Message)
                {
                    // What we make it wait for is not the peer's slowness, and what begins behind this message is another one.
                    connection.Progress(partial: false);
                    await intake.Pace(source);
                    intake.Take(Memory(buffer.Slice(0, frame.Length)), connection.Peer, framed: true);
                }
                buffer = buffer.Slice(frame.Length);
            }
            // A pong is also the first half of a ping: it is a pong when we wait for one.
            if (buffer.Length == 2 && IsLineEnds(buffer) && connection.KeepAlive is { IsWaiting: true } keepAlive)
            {
                keepAlive.Ponged();
                buffer = buffer.Slice(buffer.End);
            }
            connection.Progress(partial: !IsLineEnds(buffer));
            input.AdvanceTo(buffer.Start, buffer.End);
            if (!read.IsCompleted && !read.IsCanceled) continue;
            intake.Close(connection.Peer);
            return;
        }
    }

    /// <summary>Whether no message has begun.</summary>
    private static bool IsLineEnds(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length > 4) return false;
        foreach (var part in buffer)
        {
            if (part.Span.ContainsAnyExcept("\r\n"u8)) return false;
        }
        return true;
    }

    private static ReadOnlyMemory<byte> Memory(in ReadOnlySequence<byte> sequence) => sequence.IsSingleSegment ? sequence.First : sequence.ToArray();
}
