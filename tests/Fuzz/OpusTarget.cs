using IvrActors.Edge.Media;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>Packets that a peer says are Opus. Oracle: what cannot be decoded is left out without an exception, and the packet of silence after it is 20 ms again.</summary>
public sealed class OpusTarget : IFuzzTarget
{
    private readonly OpusBridge _bridge = new();
    private readonly byte[] _muLaw = new byte[OpusAudio.MostSamples];

    public string Name => "opus";

    /// <summary>The first byte says mode, bandwidth, length and channels; code 3 packets say how many frames they hold (RFC 6716 3.1, 3.2.5).</summary>
    public IReadOnlyList<byte[]> Dictionary { get; } = [[0x08], [0x0B, 0x86], [0x0C], [0x4B, 0x42], [0x68], [0x7B, 0x03], [0x80], [0xFC], [0xFF, 0xFF], [0x00], [0xF8, 0xFF, 0xFE]];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        for (var i = 0; i < 3; i++) _bridge.Refill(); // For 120 ms, and the silence.
        var count = _bridge.Decode(input.Span, _muLaw);
        Require(count >= 0 && count <= _muLaw.Length, "more audio than there is room for");
        Require(_bridge.Decode(OpusAudio.Silence, _muLaw) == Telephone.FrameSamples, "silence is not decoded any more");
        return count > 0;
    }
}
