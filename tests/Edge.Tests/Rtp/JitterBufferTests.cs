using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

public sealed class JitterBufferTests
{
    private readonly JitterBuffer _buffer = new();

    [Fact]
    public void Packets_in_order_are_given_at_once_also_where_the_numbers_wrap()
    {
        for (var i = 65_500; i < 65_600; i++) Assert.Equal([(ushort)i], Put(i));
        Assert.Equal(JitterBuffer.LeastDepth, _buffer.Depth);
    }

    [Fact]
    public void Neighbours_that_changed_places_are_put_right()
    {
        Assert.Equal([10], Put(10));
        Assert.Equal([], Put(12));
        Assert.Equal([11, 12], Put(11));
        Assert.Equal([13], Put(13));
    }

    [Fact]
    public void A_lost_packet_is_waited_for_no_longer_than_the_depth()
    {
        Put(10);
        Assert.Equal([], Put(12));
        Assert.Equal([12, 13], Put(13));
        Assert.Equal([], Put(11)); // Too late now.
    }

    [Fact]
    public void It_waits_longer_after_a_packet_came_too_late_and_less_again_when_all_come_in_order()
    {
        Put(10);
        foreach (var i in new[] { 12, 13, 14 }) Put(i);
        Put(11);
        Assert.Equal(4, _buffer.Depth);
        Assert.Equal([15], Put(15));
        foreach (var i in new[] { 17, 18, 19 }) Assert.Equal([], Put(i));
        Assert.Equal([16, 17, 18, 19], Put(16));

        for (var i = 20; i < 20 + 500; i++) Put(i);
        Assert.Equal(3, _buffer.Depth);
        for (var i = 520; i < 520 + 5000; i++) Put(i);
        Assert.Equal(JitterBuffer.LeastDepth, _buffer.Depth);
    }

    [Fact]
    public void A_packet_that_comes_twice_is_given_once()
    {
        Assert.Equal([10], Put(10));
        Assert.Equal([], Put(10));
        Assert.Equal([], Put(12));
        Assert.Equal([], Put(12));
        Assert.Equal([11, 12], Put(11));
    }

    [Theory]
    [InlineData(7u, 20_000)]
    [InlineData(8u, 13)]
    public void A_new_source_and_a_jump_begin_anew(uint ssrc, int sequence)
    {
        Put(10);
        Put(12);
        Assert.Equal([(ushort)sequence], Put(sequence, ssrc));
        Assert.Equal([(ushort)(sequence + 1)], Put(sequence + 1, ssrc));
    }

    [Fact]
    public void One_straggler_changes_nothing_and_a_source_that_counts_anew_is_followed_from_its_second_packet()
    {
        for (var i = 100; i < 110; i++) Put(i);
        Assert.Equal([], Put(50));
        Assert.Equal([110], Put(110));
        Assert.Equal([], Put(20));
        Assert.Equal([21], Put(21));
        Assert.Equal([22], Put(22));
    }

    [Fact]
    public void A_payload_that_is_too_long_is_not_taken()
    {
        Assert.False(_buffer.Add(Header(10, 7), new byte[JitterBuffer.MostPayload + 1]));
        Assert.False(_buffer.TryTake(out _, out _));
    }

    [Fact]
    public void Whatever_is_mixed_up_by_less_than_the_depth_comes_out_in_order_and_whole()
    {
        var random = new Random(1);
        Put(0);
        // It learns how far packets are mixed up from the first that is late.
        foreach (var i in new[] { 2, 3, 4, 5, 6, 1 }) Put(i);
        Assert.Equal(JitterBuffer.MostDepth, _buffer.Depth);
        var given = new List<ushort>();
        for (var block = 7; block < 7 + 4000; block += 4)
        {
            var packets = Enumerable.Range(block, 4).ToArray();
            random.Shuffle(packets);
            foreach (var packet in packets) given.AddRange(Put(packet));
        }
        Assert.Equal(Enumerable.Range(7, 4000).Select(i => (ushort)i), given);
    }

    private List<ushort> Put(int sequence, uint ssrc = 7)
    {
        _buffer.Add(Header((ushort)sequence, ssrc), [(byte)sequence, (byte)(sequence >> 8)]);
        var given = new List<ushort>();
        while (_buffer.TryTake(out var header, out var payload))
        {
            Assert.Equal([(byte)header.Sequence, (byte)(header.Sequence >> 8)], payload);
            given.Add(header.Sequence);
        }
        return given;
    }

    private static RtpHeader Header(ushort sequence, uint ssrc) => new() { PayloadType = 0, Sequence = sequence, Timestamp = sequence * 160u, Ssrc = ssrc };
}
