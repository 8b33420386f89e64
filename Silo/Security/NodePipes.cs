using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace IvrActors.Silo.Security;

/// <summary>
/// A transport's two pipes as the one stream that TLS needs.
/// <code>
///  Orleans ⇄ StreamPipes ⇄ SslStream ⇄ DuplexPipeStream ⇄ transport's pipes ⇄ socket
/// </code>
/// </summary>
internal sealed class DuplexPipeStream(IDuplexPipe pipes) : Stream
{
    private const byte HandshakeRecord = 22; // RFC 8446 5.1
    private const byte AlertRecord = 21;

    private readonly Stream _input = pipes.Input.AsStream(leaveOpen: true);
    private readonly Stream _output = pipes.Output.AsStream(leaveOpen: true);
    private int _first = -1;

    /// <summary>Whether the first byte that came, if any did, is that of a TLS record.</summary>
    public bool BeginsAsTls => _first is -1 or HandshakeRecord or AlertRecord;

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _input.ReadAsync(buffer, cancellationToken);
        if (_first < 0 && read > 0) _first = buffer.Span[0];
        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _output.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>A stream as the two pipes that a connection has.</summary>
internal sealed class StreamPipes(Stream stream) : IDuplexPipe
{
    private const int RecordSize = 16 * 1024; // The largest TLS record (RFC 8446 5.1): one read takes it whole.

    public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: RecordSize, leaveOpen: true));

    public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: RecordSize, leaveOpen: true));

    /// <summary>Gives the buffers back. What was not flushed is dropped: the connection is over.</summary>
    public async ValueTask Complete()
    {
        await Input.CompleteAsync();
        await Output.CompleteAsync(new ConnectionAbortedException());
    }
}
