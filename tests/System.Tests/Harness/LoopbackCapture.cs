using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>What somebody on the wire has of a call's media: every datagram to and from the server's media ports, taken by <c>tshark</c>.</summary>
internal sealed class LoopbackCapture : IAsyncDisposable
{
    private const string Fields = "-Tfields -eudp.srcport -eudp.dstport -eudp.payload";
    private readonly string _program = Programs.Require("tshark");
    private readonly string _folder;
    private readonly string _file;
    private readonly ChildProcess _process;

    private LoopbackCapture(IvrServer server)
    {
        _folder = server.Folder;
        _file = Path.Combine(server.Folder, "wire.pcapng");
        _process = new ChildProcess(_program, ["-i", "lo", "-q", "-w", _file, "-f", $"udp portrange {server.MediaPorts.First}-{server.MediaPorts.Last} and not host {MediaAttack.From}"], _folder);
    }

    /// <summary>Without what <see cref="MediaAttack"/> sends. Capturing needs root.</summary>
    public static async Task<LoopbackCapture> Start(IvrServer server)
    {
        var capture = new LoopbackCapture(server);
        await Eventually.Holds(() => Task.FromResult(capture._process.HasExited || (File.Exists(capture._file) && new FileInfo(capture._file).Length > 0)), "tshark captures", () => capture._process.Output);
        if (capture._process.HasExited) Programs.Lack("tshark may not capture on the loopback interface: it needs root");
        return capture;
    }

    /// <summary>What was captured so far, in order.</summary>
    public async Task<List<Datagram>> Datagrams()
    {
        await using var reader = new ChildProcess(_program, ["-r", _file, .. Fields.Split(' ')], _folder);
        await reader.WaitForExit(Eventually.Limit); // It says so when the last datagram is not whole yet.
        return [.. from line in reader.Output.Split('\n')
                   let fields = line.Split('\t')
                   where fields.Length == 3 && fields[2].Length > 0
                   select new Datagram(int.Parse(fields[0], CultureInfo.InvariantCulture), int.Parse(fields[1], CultureInfo.InvariantCulture), Convert.FromHexString(fields[2]))];
    }

    public async Task Stop()
    {
        _process.Terminate();
        await _process.WaitForExit(Eventually.Limit);
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();
}

internal sealed record Datagram(int From, int To, byte[] Bytes)
{
    /// <summary>RTP of a payload type below 64 or above 95: the others are RTCP (RFC 5761 4).</summary>
    public bool IsRtp => Bytes.Length > 12 && Bytes[0] >> 6 == 2 && (Bytes[1] & 0x7f) is < 64 or > 95;

    public int PayloadType => Bytes[1] & 0x7f;

    public ReadOnlySpan<byte> Ssrc => Bytes.AsSpan(8, 4);

    public ReadOnlySpan<byte> Timestamp => Bytes.AsSpan(4, 4);

    public ReadOnlySpan<byte> Payload => Bytes.AsSpan(12);
}
