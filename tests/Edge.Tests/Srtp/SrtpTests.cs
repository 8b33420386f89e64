using System.Buffers.Binary;
using IvrActors.Edge.Srtp;
using Xunit;

namespace IvrActors.Edge.Tests.Srtp;

/// <summary>What senders and receivers promise, under every suite.</summary>
public class SrtpTests
{
    private static readonly byte[] Payload = [.. Enumerable.Range(0, 160).Select(i => (byte)i)];

    public static TheoryData<string> Suites { get; } = [.. SrtpSuite.All.Select(suite => suite.Name)];

    /// <summary>With the highest sequence number so far, and the rollovers before it.</summary>
    public static TheoryData<string, int, int> SuitesAndPlaces { get; } =
        new(from suite in SrtpSuite.All from place in new[] { (0, 1), (0, 3), (40_000, 1), (65_535, 2) } select (suite.Name, place.Item1, place.Item2));

    private static SrtpMasterKey Key(string name, byte first = 1)
    {
        var suite = SrtpSuite.All.Single(suite => suite.Name == name);
        return new SrtpMasterKey(suite, [.. Enumerable.Range(first, suite.KeyAndSaltSize).Select(i => (byte)i)]);
    }

    private static byte[] Protected(SrtpSender sender, ushort sequence, uint ssrc = 7)
    {
        var packet = new byte[12 + 160 + sender.Master.Suite.RtpTagSize];
        packet[0] = 0x80;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), ssrc);
        Payload.CopyTo(packet, 12);
        Assert.Equal(packet.Length, sender.ProtectRtp(packet, 172, 12));
        return packet;
    }

    private static SrtpRejection Open(SrtpReceiver receiver, byte[] packet) => receiver.UnprotectRtp((byte[])packet.Clone(), 12, out _);

    [Theory]
    [InlineData("AES_CM_128_HMAC_SHA1_80")]
    [InlineData("AEAD_AES_128_GCM")]
    public void The_rollover_counter_follows_over_several_wraps_with_loss_and_reordering(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
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

    [Theory]
    [InlineData("AES_CM_128_HMAC_SHA1_80")]
    [InlineData("AEAD_AES_128_GCM")]
    public void Packets_that_are_sent_out_of_order_have_the_rollover_counter_of_their_place(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        Protected(sender, 30000);
        // Pairs swapped, over three wraps.
        for (var i = 30001; i < 230_000; i += 2)
        {
            Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(i + 1))));
            Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_replayed_packet_is_refused_and_a_late_one_is_not(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
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

    [Theory]
    [MemberData(nameof(Suites))]
    public void Ten_thousand_forged_packets_change_nothing(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        using var stranger = new SrtpSender(Key(suite, first: 2));
        for (var i = 0; i < 3 * 65_536 + 65_500; i += 0x4000) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        var opened = Protected(sender, 65_498);
        Assert.Equal(SrtpRejection.None, Open(receiver, opened));
        var late = Protected(sender, 65_499);
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, 65_500)));
        var report = Report(sender);

        var forgedReport = new byte[report.Length];
        for (var i = 0; i < 10_000; i++)
        {
            // Sequence numbers that would roll the counter over, indices that would empty the window, and sources that would fill the list, if they were believed.
            Assert.NotEqual(SrtpRejection.None, Open(receiver, Protected(stranger, (ushort)(i * 300), ssrc: (uint)(7 + i % 30))));
            Report(stranger).CopyTo(forgedReport, 0);
            BinaryPrimitives.WriteUInt32BigEndian(forgedReport.AsSpan(4), (uint)(7 + i % 30));
            Assert.Equal(SrtpRejection.BadTag, receiver.UnprotectRtcp(forgedReport, out _));
        }

        Assert.Equal(SrtpRejection.Replayed, Open(receiver, opened));
        Assert.Equal(SrtpRejection.None, Open(receiver, late));
        for (var i = 65_501; i < 65_600; i++) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp(report, out _));
        using var another = new SrtpSender(Key(suite));
        for (uint ssrc = 100; ssrc < 99 + SrtpReceiver.MostSources; ssrc++) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(another, (ushort)ssrc, ssrc)));
    }

    private static byte[] Report(SrtpSender sender, uint ssrc = 7)
    {
        var report = new byte[28 + sender.Master.Suite.RtcpOverhead];
        BinaryPrimitives.WriteUInt32BigEndian(report, 0x80C8_0006);
        BinaryPrimitives.WriteUInt32BigEndian(report.AsSpan(4), ssrc);
        Assert.Equal(report.Length, sender.ProtectRtcp(report, 28));
        return report;
    }

    /// <summary>What happened to receivers that moved the counter before they had verified the tag of a GCM packet.</summary>
    [Theory]
    [MemberData(nameof(SuitesAndPlaces))]
    public void One_forged_packet_does_not_move_the_rollover_counter(string suite, int highest, int rollovers)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var last = rollovers * 65_536 + highest;
        for (var i = 0; i < last; i += 0x4000) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)i)));
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)last)));
        foreach (var jump in (ReadOnlySpan<int>)[1, 2, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
        {
            var forged = new byte[192];
            forged[0] = 0x80;
            BinaryPrimitives.WriteUInt16BigEndian(forged.AsSpan(2), (ushort)(highest + jump));
            BinaryPrimitives.WriteUInt32BigEndian(forged.AsSpan(8), 7);
            Assert.NotEqual(SrtpRejection.None, Open(receiver, forged));
        }
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(highest + 1))));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_changed_bit_is_noticed(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var packet = Protected(sender, 1);
        for (var bit = 0; bit < packet.Length * 8; bit++)
        {
            var changed = (byte[])packet.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.NotEqual(SrtpRejection.None, Open(receiver, changed));
        }
        Assert.Equal(SrtpRejection.None, Open(receiver, packet));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_report_in_clear_or_replayed_or_too_short_is_refused(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var report = Report(sender);
        var clear = (byte[])report.Clone();
        SrtcpTrailer.Of(clear.AsSpan(28), sender.Master.Suite).Word[0] &= 0x7F;

        Assert.Equal(SrtpRejection.NotEncrypted, receiver.UnprotectRtcp(clear, out _));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp((byte[])report.Clone(), out _));
        Assert.Equal(SrtpRejection.Replayed, receiver.UnprotectRtcp((byte[])report.Clone(), out _));
        Assert.Equal(SrtpRejection.TooShort, receiver.UnprotectRtcp(new byte[8 + sender.Master.Suite.RtcpOverhead - 1], out _));
        Assert.Equal(SrtpRejection.TooShort, receiver.UnprotectRtp(new byte[12 + sender.Master.Suite.RtpTagSize - 1], 12, out _));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_changed_bit_of_a_report_is_noticed(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var report = Report(sender);
        for (var bit = 0; bit < report.Length * 8; bit++)
        {
            var changed = (byte[])report.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.NotEqual(SrtpRejection.None, receiver.UnprotectRtcp(changed, out _));
        }
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp(report, out _));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Extensions_and_contributing_sources_stay_in_clear_and_are_authenticated(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        const int Header = 12 + 15 * 4 + 4 + 32;
        var packet = new byte[Header + 160 + sender.Master.Suite.RtpTagSize];
        for (var i = 0; i < packet.Length; i++) packet[i] = (byte)i;
        var clear = packet[..(Header + 160)];
        sender.ProtectRtp(packet, clear.Length, Header);
        Assert.Equal(clear[..Header], packet[..Header]);
        Assert.NotEqual(clear[Header..], packet[Header..clear.Length]);

        var changed = (byte[])packet.Clone();
        changed[Header - 1]++;
        Assert.Equal(SrtpRejection.BadTag, receiver.UnprotectRtp(changed, Header, out _));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(packet, Header, out var length));
        Assert.Equal(clear, packet[..length]);
    }

    /// <summary>RFC 3711 9.2, RFC 7714 9.4: behind the last index the first would come again, and with it its keystream.</summary>
    [Theory]
    [MemberData(nameof(Suites))]
    public void A_key_protects_nothing_beyond_its_lifetime(string suite)
    {
        using var sender = new SrtpSender(Key(suite), rollovers: uint.MaxValue, rtcpIndex: (1u << 31) - 2);
        Protected(sender, 65_534);
        Protected(sender, 65_535);
        Assert.Throws<InvalidOperationException>(() => Protected(sender, 0));
        Report(sender);
        Assert.Throws<InvalidOperationException>(() => Report(sender));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_new_source_is_heard_and_the_old_ones_packets_stay_refused(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var old = Protected(sender, 10, ssrc: 1);
        Assert.Equal(SrtpRejection.None, Open(receiver, old));
        for (uint ssrc = 2; ssrc <= SrtpReceiver.MostSources; ssrc++) Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, (ushort)(10 + ssrc), ssrc)));
        Assert.Equal(SrtpRejection.Replayed, Open(receiver, old));
        Assert.Equal(SrtpRejection.TooManySources, Open(receiver, Protected(sender, 100, ssrc: 99)));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_source_that_takes_the_place_of_another_begins_without_rollovers(string suite)
    {
        using var sender = new SrtpSender(Key(suite), rollovers: 3, rtcpIndex: 0);
        using var receiver = new SrtpReceiver(Key(suite));
        Protected(sender, 30_000, ssrc: 1);
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, 200, ssrc: 2)));
        Assert.Equal(SrtpRejection.None, Open(receiver, Protected(sender, 201, ssrc: 2)));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_packet_costs_no_allocation(string suite)
    {
        using var sender = new SrtpSender(Key(suite));
        using var receiver = new SrtpReceiver(Key(suite));
        var packet = new byte[172 + sender.Master.Suite.RtpTagSize];
        var report = new byte[28 + sender.Master.Suite.RtcpOverhead];
        var refused = 0;
        void One(int i)
        {
            packet.AsSpan().Clear();
            packet[0] = 0x80;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)i);
            sender.ProtectRtp(packet, 172, 12);
            if (receiver.UnprotectRtp(packet, 12, out _) != SrtpRejection.None) refused++;
            sender.ProtectRtcp(report, 28);
            if (receiver.UnprotectRtcp(report, out _) != SrtpRejection.None) refused++;
        }
        for (var i = 0; i < 200; i++) One(i);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 200; i < 1200; i++) One(i);
        // A collection that another test sets off may retire what this thread had of a chunk of 8 KiB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
        Assert.Equal(0, refused);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_key_is_never_printed_and_is_the_same_only_under_the_same_suite(string suite)
    {
        using var key = Key(suite);
        Assert.Equal("[secret]", key.ToString());
        Assert.Equal([suite], SrtpSuite.All.Select(other => Key(other.Name)).Where(key.IsSameAs).Select(other => other.Suite.Name));
    }

    [Theory]
    [InlineData(0x0001, "AES_CM_128_HMAC_SHA1_80", 30, 10, 10)]
    [InlineData(0x0002, "AES_CM_128_HMAC_SHA1_32", 30, 4, 10)]
    [InlineData(0x0007, "AEAD_AES_128_GCM", 28, 16, 16)]
    [InlineData(0x0008, "AEAD_AES_256_GCM", 44, 16, 16)]
    [InlineData(0x0005, null, 0, 0, 0)] // SRTP_NULL_HMAC_SHA1_80
    [InlineData(0x0006, null, 0, 0, 0)] // SRTP_NULL_HMAC_SHA1_32
    [InlineData(0x0000, null, 0, 0, 0)]
    public void A_profile_of_dtls_names_its_suite(int profile, string? name, int keyAndSalt, int rtpTag, int rtcpTag)
    {
        var suite = SrtpSuite.ByProfile((ushort)profile);
        Assert.Equal((name, keyAndSalt, rtpTag, rtcpTag), (suite?.Name, suite?.KeyAndSaltSize ?? 0, suite?.RtpTagSize ?? 0, suite?.RtcpTagSize ?? 0));
    }
}
