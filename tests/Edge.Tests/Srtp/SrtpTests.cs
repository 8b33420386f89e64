using System.Buffers.Binary;
using IvrActors.Edge.Srtp;
using Xunit;

namespace IvrActors.Edge.Tests.Srtp;

public class SrtpTests
{
    private static readonly byte[] Payload = [.. Enumerable.Range(0, 160).Select(i => (byte)i)];

    private static byte[] Protected(SrtpSender sender, ushort sequence, uint ssrc = 7)
    {
        var packet = new byte[12 + 160 + 10];
        packet[0] = 0x80;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), ssrc);
        Payload.CopyTo(packet, 12);
        Assert.Equal(packet.Length, sender.ProtectRtp(packet, 172, 12));
        return packet;
    }

    private static SrtpRejection Open(SrtpReceiver receiver, byte[] packet) => receiver.UnprotectRtp((byte[])packet.Clone(), 12, out _);

    [Fact]
    public void The_rollover_counter_follows_over_several_wraps_with_loss_and_reordering()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        byte[]? held = null;
        for (var i = 0; i < 200_000; i++)
        {
            var packet = Protected(sender, (ushort)i);
            if (i % 7 == 3) continue; // Lost.
            if (i % 11 == 5)
            {
                held = packet; // Comes one later.
                continue;
            }
            Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(packet, 12, out var length));
            Assert.True(packet.AsSpan(12, length - 12).SequenceEqual(Payload));
            if (held is null) continue;
            Assert.Equal(SrtpRejection.None, Open(receiver, held));
            held = null;
        }
    }

    [Fact]
    public void Packets_that_are_sent_out_of_order_have_the_rollover_counter_of_their_place()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        Protected(sender, 30000);
        // Pairs swapped, over three wraps.
        for (var i = 30001; i < 230_000; i += 2)
        {
            Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(i + 1))));
            Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        }
    }

    [Fact]
    public void A_replayed_packet_is_refused_and_a_late_one_is_not()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var packets = Enumerable.Range(0, 300).Select(i => Protected(sender, (ushort)i)).ToArray();
        for (var i = 0; i < 300; i++)
        {
            if (i != 250) Assert.Equal(SrtpRejection.None, Open(receiver, packets[i]));
        }
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, packets[299]));
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, packets[200]));
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, packets[0])); // Left of the window.
        Assert.Equal(SrtpRejection.None, Open(receiver, packets[250]));
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, packets[250]));
    }

    [Fact]
    public void A_hundred_invalid_packets_change_nothing()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        using var stranger = new SrtpSender(new SrtpMasterKey(SrtpSuite.Aes128Sha1Tag80, new byte[30]));
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, 65_500)));
        for (var i = 0; i < 100; i++)
        {
            // Sequence numbers that would roll the counter over, or start new sources, if they were believed.
            Assert.Equal(SrtpRejection.BadTag, Open(receiver, Protected(stranger, (ushort)(i * 300), ssrc: (uint)(7 + i % 3))));
        }
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, 65_501)));
        for (var i = 65_502; i < 65_600; i++) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
    }

    /// <summary>What happened to receivers that moved the counter before they had verified the tag. Here with the only suite there is, AES_CM.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 3)]
    [InlineData(40_000, 1)]
    [InlineData(65_535, 2)]
    public void One_forged_packet_does_not_move_the_rollover_counter(int highest, int rollovers)
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var last = rollovers * 65_536 + highest;
        for (var i = 0; i < last; i += 0x4000) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)last)));
        foreach (var jump in (ReadOnlySpan<int>)[1, 2, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
        {
            var forged = new byte[182];
            forged[0] = 0x80;
            BinaryPrimitives.WriteUInt16BigEndian(forged.AsSpan(2), (ushort)(highest + jump));
            BinaryPrimitives.WriteUInt32BigEndian(forged.AsSpan(8), 7);
            Assert.NotEqual(SrtpRejection.None, Open(receiver, forged));
        }
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(highest + 1))));
    }

    [Fact]
    public void Every_changed_bit_is_noticed()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var packet = Protected(sender, 1);
        for (var bit = 0; bit < packet.Length * 8; bit++)
        {
            var changed = (byte[])packet.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.NotEqual(SrtpRejection.None, Open(receiver, changed));
        }
        Assert.Equal(SrtpRejection.None, Open(receiver, packet));
    }

    [Fact]
    public void A_report_in_clear_or_replayed_or_too_short_is_refused()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var report = new byte[24 + SrtpSuite.Aes128Sha1Tag80.RtcpOverhead];
        Assert.Equal(report.Length, sender.ProtectRtcp(report, 24));
        var clear = (byte[])report.Clone();
        clear[24] &= 0x7F;

        Assert.Equal(SrtpRejection.NotEncrypted, receiver.UnprotectRtcp(clear, out _));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp((byte[])report.Clone(), out _));
        Assert.Equal(SrtpRejection.Replayed, receiver.UnprotectRtcp((byte[])report.Clone(), out _));
        Assert.Equal(SrtpRejection.TooShort, receiver.UnprotectRtcp(new byte[21], out _));
        Assert.Equal(SrtpRejection.TooShort, receiver.UnprotectRtp(new byte[21], 12, out _));
    }

    [Fact]
    public void A_new_source_is_heard_and_the_old_ones_packets_stay_refused()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var old = Protected(sender, 10, ssrc: 1);
        Assert.Equal(SrtpRejection.None, Open(receiver, old));
        for (uint ssrc = 2; ssrc <= SrtpReceiver.MostSources; ssrc++) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(10 + ssrc), ssrc)));
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, old));
        Assert.Equal(SrtpRejection.TooManySources, Open(receiver, Protected(sender, 100, ssrc: 99)));
    }

    [Fact]
    public void A_packet_costs_no_allocation()
    {
        using var sender = new SrtpSender(SrtpRfcTests.B3());
        using var receiver = new SrtpReceiver(SrtpRfcTests.B3());
        var packet = new byte[182];
        var refused = 0;
        void One(int i)
        {
            packet.AsSpan().Clear();
            packet[0] = 0x80;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)i);
            sender.ProtectRtp(packet, 172, 12);
            if (receiver.UnprotectRtp(packet, 12, out _) != SrtpRejection.None) refused++;
        }
        for (var i = 0; i < 200; i++) One(i);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 200; i < 1200; i++) One(i);
        // A collection that another test sets off may retire what this thread had of a chunk of 8 KiB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
        Assert.Equal(0, refused);
    }

    [Fact]
    public void A_key_is_never_printed()
    {
        using var key = SrtpRfcTests.B3();
        Assert.Equal("[secret]", key.ToString());
    }
}
