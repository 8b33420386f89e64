using System.Buffers.Binary;
using IvrActors.Edge.Dtmf;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// RFC 4733 events. Oracle: a press is counted once, in order, whenever at least one packet of it arrives, whichever packets the input loses or repeats;
/// any four bytes are read and written the same; no sequence of them throws.
/// </summary>
public sealed class DtmfTarget : IFuzzTarget
{
    private const string Keys = "0123456789*#ABCD";

    /// <summary>Time between presses in timestamp units: more than the longest press of the input.</summary>
    private const uint Gap = 16_000;

    private readonly List<char> _expected = [];
    private readonly List<char> _heard = [];

    public string Name => "dtmf";

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0x00, 0x0A, 0x00, 0xA0], [0x0B, 0x8A, 0x03, 0x20], [0xFF, 0xFF, 0xFF, 0xFF], [0x10, 0x80, 0xFF, 0xFF], [0x00], [0xFF]];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var accepted = CheckRawEvents(input.Span);
        CheckPresses(input.Span);
        return accepted;
    }

    private static bool CheckRawEvents(ReadOnlySpan<byte> input)
    {
        Span<byte> written = stackalloc byte[TelephoneEvent.Size];
        var receiver = new DtmfReceiver();
        var read = TelephoneEvent.TryRead(input, out _);
        Require(read == input.Length >= TelephoneEvent.Size, "a short payload was read");
        // Four bytes of event, four of timestamp: any order, any jumps.
        for (; input.Length >= 8; input = input[8..])
        {
            TelephoneEvent.TryRead(input, out var packet);
            packet.Write(written);
            Require(input[0] == written[0] && (input[1] & 0xBF) == written[1] && input[2..4].SequenceEqual(written[2..]), "writing an event is no fixed point");
            var key = receiver.Receive(BinaryPrimitives.ReadUInt32BigEndian(input[4..]), packet);
            Require(key is null || key == TelephoneEvent.KeyOf(packet.Event), "another key was heard than was sent");
        }
        return read;
    }

    /// <summary>Each two bytes are a press: key and length from the first, which packets arrive (and arrive twice) from the second.</summary>
    private void CheckPresses(ReadOnlySpan<byte> input)
    {
        _expected.Clear();
        _heard.Clear();
        var receiver = new DtmfReceiver();
        var timestamp = input.Length > 2 ? BinaryPrimitives.ReadUInt16BigEndian(input) * 0xFFFFu : 0;
        for (; input.Length >= 2; input = input[2..], timestamp += Gap)
        {
            var key = Keys[input[0] & 0x0F];
            var press = new DtmfPress(key, durationMs: 20 * (1 + (input[0] >> 4)));
            var arrived = false;
            for (var i = 0; press.TryNext(out var packet); i++)
            {
                if ((input[1] >> (i % 8) & 1) == 0)
                    continue;
                arrived = true;
                for (var copies = 1 + (input[1] + i) % 3; copies > 0; copies--)
                {
                    if (receiver.Receive(timestamp, packet.Event) is { } heard)
                        _heard.Add(heard);
                }
            }
            if (arrived)
                _expected.Add(key);
        }
        Require(_heard.SequenceEqual(_expected), $"heard {new string([.. _heard])} but {new string([.. _expected])} was pressed");
    }
}
