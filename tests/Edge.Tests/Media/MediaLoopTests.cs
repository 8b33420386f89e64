using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

public sealed class MediaLoopTests
{
    [Fact]
    public void Frames_are_sent_when_they_are_due_however_many_datagrams_wait()
    {
        var time = new FakeTimeProvider();
        var wire = new VirtualWire();
        using var engine = new MediaEngine(MediaEngineTests.Options(), time, AudioTests.Prompts(), () => wire, loops: 1, ownThreads: false);
        var answer = engine.Answer(MediaEngineTests.OfferOf("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"), new MediaPolicy(true, SrtpPolicy.Off, false), new HeardEvents());
        answer.Session!.Start();
        time.Advance(TimeSpan.FromMilliseconds(20));
        engine.Loops[0].RunDue();
        wire.Sent.Clear();

        // Each of a hundred takes a millisecond: they hold the loop for five frames.
        var port = wire.Open.Keys.Min();
        for (var i = 0; i < 100; i++) wire.Arrive(port, new byte[200], MediaAddress.V4([127, 0, 0, 1], 4000));
        var sentBy = new List<int>();
        wire.Polled = () =>
        {
            sentBy.Add(wire.Sent.Count);
            time.Advance(TimeSpan.FromMilliseconds(1));
        };
        engine.Loops[0].RunDue();

        Assert.Equal(101, sentBy.Count); // All that waited, and the look that found nothing.
        for (var i = 0; i < sentBy.Count; i++) Assert.InRange(sentBy[i], i / 20 - 1, i / 20 + 1);
    }
}
