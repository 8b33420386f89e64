using System.Net;
using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

public class RtpTests
{
    [Fact]
    public void A_header_is_written_and_read_as_rfc_3550_draws_it()
    {
        var packet = new byte[14];
        new RtpHeader { PayloadType = 101, Marker = true, Sequence = 0x1234, Timestamp = 0xDECAFBAD, Ssrc = 0xCAFEBABE }.Write(packet);
        Assert.Equal("80E51234DECAFBADCAFEBABE0000", Convert.ToHexString(packet));

        Assert.Equal(RtpRejection.None, RtpHeader.TryRead(packet, out var header));
        Assert.Equal((101, true, 0x1234, 0xDECAFBAD, 0xCAFEBABE, 12), (header.PayloadType, header.Marker, header.Sequence, header.Timestamp, header.Ssrc, header.Length));
        Assert.Equal(RtpRejection.None, header.TryGetPayload(packet, out var payload));
        Assert.Equal(2, payload.Length);
    }

    [Theory]
    [InlineData("", RtpRejection.TooShort)]
    [InlineData("80001234DECAFBADCAFEBA", RtpRejection.TooShort)]
    [InlineData("00001234DECAFBADCAFEBABE", RtpRejection.BadVersion)] // STUN begins so, too.
    [InlineData("C0001234DECAFBADCAFEBABE", RtpRejection.BadVersion)]
    [InlineData("8F001234DECAFBADCAFEBABE", RtpRejection.TooShort)] // 15 CSRCs that are not there.
    [InlineData("90001234DECAFBADCAFEBABE", RtpRejection.BadExtension)]
    [InlineData("90001234DECAFBADCAFEBABEBEDEFFFF", RtpRejection.BadExtension)]
    [InlineData("A0001234DECAFBADCAFEBABE", RtpRejection.BadPadding)]
    [InlineData("A0001234DECAFBADCAFEBABE00", RtpRejection.BadPadding)]
    [InlineData("A0001234DECAFBADCAFEBABE09", RtpRejection.BadPadding)]
    [InlineData("91001234DECAFBADCAFEBABE11111111BEDE00012222222233", RtpRejection.None)]
    [InlineData("A0001234DECAFBADCAFEBABE330002", RtpRejection.None)]
    public void A_packet_is_read_or_refused(string hex, RtpRejection expected)
    {
        var packet = Convert.FromHexString(hex);
        var rejection = RtpHeader.TryRead(packet, out var header);
        ReadOnlySpan<byte> payload = default;
        if (rejection == RtpRejection.None) rejection = header.TryGetPayload(packet, out payload);
        Assert.Equal(expected, rejection);
        if (expected == RtpRejection.None) Assert.Equal("33", Convert.ToHexString(payload));
    }

    [Fact]
    public void Loss_is_counted_over_a_wrap_of_the_sequence_number()
    {
        var statistics = new ReceptionStatistics();
        for (var i = 0; i < 1000; i++)
        {
            if (i % 10 != 9) Assert.True(statistics.Add((ushort)(65_000 + i), (uint)i * 160, (uint)i * 160));
        }
        Assert.Equal(900u, statistics.Received);
        Assert.Equal(99, statistics.Lost); // The very last one may still come.
        Assert.Equal(25, statistics.TakeFractionLost()); // 99/999 of 256.
        Assert.Equal(0, statistics.TakeFractionLost());
        Assert.Equal(0u, statistics.Jitter);
        Assert.Equal(65_000u + 998, statistics.ExtendedHighestSequence);
    }

    [Fact]
    public void Jitter_nears_the_mean_deviation()
    {
        var statistics = new ReceptionStatistics();
        for (var i = 0; i < 2000; i++) statistics.Add((ushort)i, (uint)i * 160, (uint)(i * 160 + i % 2 * 80)); // 10 ms to and fro.
        Assert.InRange(statistics.Jitter, 78u, 80u);
    }

    [Fact]
    public void One_wild_packet_does_not_restart_the_count_but_two_in_a_row_do()
    {
        var statistics = new ReceptionStatistics();
        for (ushort i = 0; i < 100; i++) statistics.Add(i, i * 160u, i * 160u);
        Assert.False(statistics.Add(30_000, 0, 0));
        Assert.True(statistics.Add(100, 16_000, 16_000));
        Assert.Equal(0, statistics.Lost);
        Assert.False(statistics.Add(40_000, 0, 0));
        Assert.True(statistics.Add(40_001, 160, 160));
        Assert.Equal(1u, statistics.Received);
    }

    [Fact]
    public void A_compound_report_is_read_back()
    {
        var packet = new byte[Rtcp.MostBytes];
        var sender = new SenderInfo(Rtcp.ToNtp(new DateTimeOffset(2026, 1, 1, 0, 0, 0, 500, TimeSpan.Zero)), 1234, 50, 8000);
        var block = new ReportBlock(0xAABBCCDD, 25, -3, 70_000, 12, 0x11223344, 65536);
        var length = Rtcp.Write(packet, 42, sender, block, "abcdefghijklmnop", bye: true);

        Assert.Equal(0, length % 4);
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(packet.AsSpan(0, length), 0xAABBCCDD, out var report));
        Assert.Equal(new RtcpReport(42, sender, block, true), report);
        Assert.Equal(3_976_214_400UL << 32 | 0x8000_0000, sender.NtpTime);
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(packet.AsSpan(0, length), 1, out report));
        Assert.Null(report.AboutUs);
    }

    [Theory]
    [InlineData("80C90001", RtcpRejection.TooShort)]
    [InlineData("80CA000100000001", RtcpRejection.NotAReportFirst)]
    [InlineData("81C9000100000001", RtcpRejection.BadLength)] // A block that is not there.
    [InlineData("80C9FFFF00000001", RtcpRejection.BadLength)]
    [InlineData("80C900010000000180CA", RtcpRejection.BadLength)]
    [InlineData("00C9000100000001", RtcpRejection.BadVersion)]
    [InlineData("80C9000100000001", RtcpRejection.None)]
    public void A_report_is_read_or_refused(string hex, RtcpRejection expected) =>
        Assert.Equal(expected, Rtcp.TryRead(Convert.FromHexString(hex), 1, out _));

    [Fact]
    public void Random_bytes_are_read_or_refused_but_never_throw()
    {
        var random = new Random(1);
        var buffer = new byte[128];
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = buffer.AsSpan(0, random.Next(buffer.Length));
            random.NextBytes(bytes);
            if (bytes.Length > 1 && i % 2 == 0) (bytes[0], bytes[1]) = ((byte)(0x80 | bytes[0] & 0x3F), i % 4 == 0 ? (byte)200 : bytes[1]);
            if (RtpHeader.TryRead(bytes, out var header) == RtpRejection.None) header.TryGetPayload(bytes, out _);
            Rtcp.TryRead(bytes, 1, out _);
        }
    }

    private static MediaAddress At(string address) => MediaAddress.From(IPEndPoint.Parse(address).Address, IPEndPoint.Parse(address).Port);

    [Fact]
    public void The_signalled_address_is_believed_at_once_and_then_nobody_else()
    {
        var peer = new PeerLock();
        peer.Signal(At("192.0.2.1:4000"));
        Assert.Equal(At("192.0.2.1:4000"), peer.Target);
        Assert.True(peer.Admit(At("192.0.2.1:4000"), 1, 1));
        for (ushort i = 0; i < 100; i++) Assert.False(peer.Admit(At("203.0.113.9:4000"), 1, i));
        Assert.Equal(At("192.0.2.1:4000"), peer.Target);
    }

    [Fact]
    public void A_caller_behind_a_nat_is_learned_after_a_few_packets_in_sequence()
    {
        var peer = new PeerLock();
        peer.Signal(At("10.0.0.5:4000"));
        Assert.False(peer.Admit(At("[2001:db8::1]:3"), 5, 9));
        for (ushort i = 1; i < PeerLock.PacketsToLearn; i++) Assert.False(peer.Admit(At("198.51.100.7:61000"), 1, i));
        Assert.Equal(At("10.0.0.5:4000"), peer.Target);
        Assert.True(peer.Admit(At("198.51.100.7:61000"), 1, PeerLock.PacketsToLearn));
        Assert.Equal(At("198.51.100.7:61000"), peer.Target);
        Assert.False(peer.Admit(At("10.0.0.5:4000"), 1, 9));
    }

    [Fact]
    public void Packets_sprayed_from_many_addresses_teach_nothing()
    {
        var peer = new PeerLock();
        peer.Signal(At("10.0.0.5:4000"));
        for (var i = 0; i < 1000; i++) Assert.False(peer.Admit(At($"203.0.113.{i % 3 + 1}:4000"), 1, (ushort)i));
        for (var i = 0; i < 1000; i++) Assert.False(peer.Admit(At("203.0.113.1:4000"), 1, (ushort)(i * 77)));
        Assert.False(peer.IsLocked);
    }

    [Fact]
    public void A_new_signalled_address_is_learned_anew()
    {
        var peer = new PeerLock();
        peer.Signal(At("192.0.2.1:4000"));
        Assert.True(peer.Admit(At("192.0.2.1:4000"), 1, 1));
        peer.Signal(At("192.0.2.1:4000"));
        Assert.True(peer.IsLocked);
        peer.Signal(At("192.0.2.2:5000"));
        Assert.False(peer.IsLocked);
        Assert.Equal(At("192.0.2.2:5000"), peer.Target);
    }

    [Fact]
    public void A_stranger_who_was_faster_than_the_signalled_peer_loses_to_it_and_does_not_come_back()
    {
        var peer = new PeerLock();
        peer.Signal(At("192.0.2.1:4000"));
        for (ushort i = 0; i < 10; i++) peer.Admit(At("203.0.113.9:4000"), 7, i);
        Assert.Equal(At("203.0.113.9:4000"), peer.Target);
        for (ushort i = 1; i < PeerLock.PacketsToLearn; i++) Assert.False(peer.Admit(At("192.0.2.1:4000"), 1, i));
        Assert.True(peer.Admit(At("192.0.2.1:4000"), 1, PeerLock.PacketsToLearn));
        for (ushort i = 0; i < 100; i++) Assert.False(peer.Admit(At("203.0.113.9:4000"), 7, i));
        Assert.Equal(At("192.0.2.1:4000"), peer.Target);
    }
}
