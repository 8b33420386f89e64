using IvrActors.Edge.Dtmf;
using Xunit;

namespace IvrActors.Edge.Tests.Dtmf;

public class DtmfTests
{
    private static List<(uint Timestamp, TelephoneEvent Event)> Press(char key, uint timestamp, int durationMs = 100)
    {
        var packets = new List<(uint, TelephoneEvent)>();
        var press = new DtmfPress(key, durationMs);
        while (press.TryNext(out var packet)) packets.Add((timestamp, packet.Event));
        return packets;
    }

    private static string Hear(IEnumerable<(uint Timestamp, TelephoneEvent Event)> packets)
    {
        var receiver = new DtmfReceiver();
        return string.Concat(packets.Select(p => receiver.Receive(p.Timestamp, p.Event)).Where(key => key is not null));
    }

    [Fact]
    public void A_press_is_five_growing_packets_of_which_the_last_is_sent_three_times()
    {
        var press = new DtmfPress('#', 100);
        var packets = new List<DtmfPacket>();
        while (press.TryNext(out var packet)) packets.Add(packet);

        Assert.Equal([160, 320, 480, 640, 800, 800, 800], packets.Select(p => (int)p.Event.Duration));
        Assert.Equal([false, false, false, false, true, true, true], packets.Select(p => p.Event.End));
        Assert.Equal([true, false, false, false, false, false, false], packets.Select(p => p.Marker));
        Assert.All(packets, p => Assert.Equal(11, p.Event.Event));
    }

    [Fact]
    public void An_event_is_written_and_read_as_rfc_4733_draws_it()
    {
        var bytes = new byte[4];
        new TelephoneEvent(9, true, 10, 0x0320).Write(bytes);
        Assert.Equal("098A0320", Convert.ToHexString(bytes));
        Assert.True(TelephoneEvent.TryRead(bytes, out var read));
        Assert.Equal(new TelephoneEvent(9, true, 10, 0x0320), read);
        Assert.False(TelephoneEvent.TryRead(bytes.AsSpan(0, 3), out _));
    }

    [Fact]
    public void The_key_is_reported_with_the_first_packet()
    {
        var receiver = new DtmfReceiver();
        Assert.Equal('5', receiver.Receive(1000, new TelephoneEvent(5, false, 10, 160)));
        Assert.Null(receiver.Receive(1000, new TelephoneEvent(5, false, 10, 320)));
    }

    [Fact]
    public void Every_key_is_counted_once_whichever_packets_are_lost()
    {
        // All 127 ways to lose some, but not all, of the 7 packets of the middle press.
        for (var lost = 0; lost < 127; lost++)
        {
            var middle = Press('5', 5000).Where((_, i) => (lost >> i & 1) == 0);
            Assert.Equal("155#", Hear([.. Press('1', 1000), .. middle, .. Press('5', 7000), .. Press('#', 9000)]));
        }
    }

    [Fact]
    public void Every_key_is_counted_once_whichever_single_packet_of_a_pin_is_lost_or_doubled()
    {
        var all = "4711*0#D".SelectMany((key, i) => Press(key, 1000 + (uint)i * 2400)).ToList();
        for (var at = 0; at < all.Count; at++)
        {
            Assert.Equal("4711*0#D", Hear(all.Where((_, i) => i != at)));
            Assert.Equal("4711*0#D", Hear(all.Take(at + 1).Append(all[at]).Concat(all.Skip(at + 1))));
        }
    }

    [Fact]
    public void End_packets_that_come_after_the_next_press_began_are_not_another_press()
    {
        var first = Press('1', 1000);
        var second = Press('2', 1600);
        Assert.Equal("12", Hear([.. first.Take(4), second[0], .. first.Skip(4), .. second.Skip(1)]));
    }

    [Fact]
    public void Two_presses_of_one_key_are_two_even_without_any_end_packet()
    {
        Assert.Equal("77", Hear([.. Press('7', 1000).Take(3), .. Press('7', 2600).Take(3)]));
    }

    [Fact]
    public void A_key_held_for_seconds_is_one_key()
    {
        Assert.Equal("9", Hear(Press('9', 1000, 8000)));
    }

    [Fact]
    public void A_key_held_over_the_length_of_a_segment_is_one_key()
    {
        // RFC 4733 2.5.1.3: no end at 0xFFFF, then the same event with a timestamp that is that much later.
        var first = Enumerable.Range(1, 409).Select(i => (1000u, new TelephoneEvent(3, false, 10, (ushort)Math.Min(i * 160, 0xFFFF))));
        var second = Enumerable.Range(1, 20).Select(i => (1000u + 0xFFFF, new TelephoneEvent(3, i > 17, 10, (ushort)(i * 160))));
        Assert.Equal("34", Hear([.. first, .. second, .. Press('4', 1000 + 0xFFFF + 8000)]));
    }

    [Fact]
    public void The_clock_may_wrap_and_may_restart()
    {
        Assert.Equal("12", Hear([.. Press('1', 0xFFFF_FF00), .. Press('2', 0x0000_0300)]));
        Assert.Equal("12", Hear([.. Press('1', 0x4000_0000), .. Press('2', 0x1000)]));
    }

    [Fact]
    public void What_is_no_key_is_not_heard()
    {
        Assert.Equal("", Hear([(1, new TelephoneEvent(16, false, 10, 160)), (2, new TelephoneEvent(255, true, 10, 160))]));
    }
}
