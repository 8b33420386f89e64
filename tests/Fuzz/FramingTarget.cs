using System.Buffers;
using IvrActors.Edge.Sip.Message;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>Cutting a stream into messages. Oracle: it is cut the same however it arrives, and the parser agrees on where each message ends.</summary>
public sealed class FramingTarget : IFuzzTarget
{
    public string Name => "framing";

    public IReadOnlyList<byte[]> Dictionary => MessageTarget.Words;

    /// <summary>Cuts the input as a stream: whole, and in pieces whose sizes follow from the input. Both must give the same frames.</summary>
    public bool Run(ReadOnlyMemory<byte> input)
    {
        var any = false;
        var whole = new SipFramer();
        var pieces = new SipFramer();
        var start = 0;
        var seed = input.Length > 0 ? input.Span[input.Length / 2] : 0;
        while (true)
        {
            var expected = whole.Next(new ReadOnlySequence<byte>(input[start..]));
            var actual = NextOfPieces(ref pieces, input[start..], seed++);
            Require(expected == actual, $"framing depends on chunks: {expected} but {actual}");
            if (expected.Kind == SipFrameKind.Message)
                CheckAgreement(input.Slice(start, expected.Length));
            if (expected.Kind is SipFrameKind.NeedMore or SipFrameKind.Fault)
                return any;
            any = true;
            Require(expected.Length > 0, "a frame without length");
            start += expected.Length;
        }
    }

    private static SipFrame NextOfPieces(ref SipFramer framer, ReadOnlyMemory<byte> rest, int seed)
    {
        var step = 1 + rest.Length / 5 + seed % 7;
        for (var end = Math.Min(1 + seed % 5, rest.Length); end < rest.Length; end += step)
        {
            var frame = framer.Next(new ReadOnlySequence<byte>(rest[..end]));
            if (frame.Kind != SipFrameKind.NeedMore)
                return frame;
        }
        return framer.Next(TwoSegments(rest, rest.Length / 2 + seed % 3));
    }

    private static ReadOnlySequence<byte> TwoSegments(ReadOnlyMemory<byte> bytes, int cut)
    {
        cut = Math.Min(cut, bytes.Length);
        var first = new Segment(bytes[..cut], 0);
        var second = new Segment(bytes[cut..], cut);
        first.Link(second);
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }

    private static void CheckAgreement(ReadOnlyMemory<byte> frame)
    {
        var rejection = SipParser.ParseFramed(frame).Rejection;
        Require(
            rejection is not (SipRejection.ContentLengthMissing or SipRejection.ContentLengthMismatch or SipRejection.ContentLengthTooLarge
                or SipRejection.MalformedContentLength or SipRejection.RepeatedContentLength or SipRejection.TooLarge or SipRejection.HeadUnfinished),
            $"the parser refuses what the framer cut: {rejection}");
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        internal Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        internal void Link(Segment next) => Next = next;
    }
}
