using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

public sealed class PeerReportTests
{
    private static readonly SentStream Sent = new(FirstSequence: 100, LastSequence: 1099, Packets: 1000);

    private static ReportBlock Block(int lost = 0, uint highest = 1099, uint jitter = 0, uint stamp = 0, uint delay = 0, byte fraction = 0) => new(1, fraction, lost, highest, jitter, stamp, delay);

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void Loss_is_that_of_the_whole_stream_and_recent_loss_that_since_the_last_report()
    {
        var peer = new PeerReports();
        Assert.False(peer.Any);
        Assert.True(peer.Take(Block(lost: 20, fraction: 64, jitter: 80), Sent, Ms(0), out _));
        Assert.Equal((true, 0.02, 0.25, 80u), (peer.Any, peer.Loss, peer.RecentLoss, peer.Jitter));
    }

    [Fact]
    public void More_packets_than_were_sent_are_no_loss()
    {
        var peer = new PeerReports();
        Assert.True(peer.Take(Block(lost: -5), Sent, Ms(0), out _));
        Assert.Equal(0, peer.Loss);
    }

    [Fact]
    public void A_report_that_cannot_be_changes_nothing()
    {
        var peer = new PeerReports();
        Assert.True(peer.Take(Block(lost: 10), Sent, Ms(0), out _));
        Assert.False(peer.Take(Block(lost: 500, highest: 1100), Sent, Ms(0), out _));
        Assert.False(peer.Take(Block(lost: 500, highest: 40_000), Sent, Ms(0), out _));
        Assert.False(peer.Take(Block(lost: 0x7FFFFF), Sent, Ms(0), out _));
        Assert.False(peer.Take(Block(jitter: uint.MaxValue), Sent, Ms(0), out _));
        Assert.Equal((0.01, 0u), (peer.Loss, peer.Jitter));
        Assert.False(new PeerReports().Take(Block(), new SentStream(100, 99, 0), Ms(0), out _));
    }

    [Fact]
    public void A_peer_that_began_to_count_anew_is_held_against_what_was_sent()
    {
        var peer = new PeerReports();
        // 17 times around, says the peer.
        Assert.True(peer.Take(Block(lost: 100, highest: (17 << 16) + 1099), Sent, Ms(0), out _));
        Assert.Equal(0.1, peer.Loss);
    }

    // RFC 3550 6.4.1, Figure 2: A = 46864.500, LSR = 46853.125, DLSR = 5.250 s, round trip 6.125 s.
    [Fact]
    public void The_round_trip_is_that_of_the_example_in_RFC_3550()
    {
        var peer = new PeerReports();
        peer.Sent(0xb705_2000, TimeSpan.FromSeconds(46853.125));
        Assert.True(peer.Take(Block(stamp: 0xb705_2000, delay: 0x0005_4000), Sent, TimeSpan.FromSeconds(46864.5), out var roundTrip));
        Assert.Equal(TimeSpan.FromSeconds(6.125), roundTrip);
    }

    [Fact]
    public void Only_stamps_that_were_sent_lately_measure_anything()
    {
        var trips = new RoundTrips();
        for (uint i = 1; i <= 5; i++) trips.Sent(i, Ms(1000 * i));
        Assert.Null(trips.Measure(0, 0, Ms(5100)));
        Assert.Null(trips.Measure(1, 0, Ms(5100)));
        Assert.Null(trips.Measure(77, 0, Ms(5100)));
        Assert.Equal(Ms(100), trips.Measure(5, 0, Ms(5100)));
        Assert.Equal(Ms(600), trips.Measure(4, 32768, Ms(5100)));
    }

    [Fact]
    public void A_peer_that_says_it_held_a_report_longer_than_it_was_away_is_not_believed()
    {
        var trips = new RoundTrips();
        trips.Sent(9, Ms(0));
        Assert.Equal(TimeSpan.Zero, trips.Measure(9, 65536 / 100, Ms(5)));
        Assert.Null(trips.Measure(9, 65536, Ms(5)));
        Assert.Null(trips.Measure(9, 0, Ms(10_001)));
    }

    [Fact]
    public void Extended_reports_are_read_as_they_are_written()
    {
        var voip = new VoipMetrics(0xAABBCCDD, 1, 2, 3, 4, 500, 6000, 70, 80, 0xF0, 127, 55, 16, 93, 127, 44, 43, 0xC0, 40, 80, 120);
        var extended = new ExtendedReport(0x0102030405060708, new ReferenceTimeAnswer(0xAABBCCDD, 0x11223344, 65536), voip);
        var packet = new byte[Rtcp.MostBytes];
        var length = Rtcp.Write(packet, 42, null, null, "abcdefghijklmnop", bye: true, extended);
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(packet.AsSpan(0, length), 0xAABBCCDD, out var report));
        Assert.Equal(new RtcpReport(42, null, null, true, extended), report);
        Assert.Equal(Concealment.G711AppendixI, report.Extended.Voip!.Value.Concealment);
        // To another they say the time, and nothing of it.
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(packet.AsSpan(0, length), 1, out report));
        Assert.Equal(new ExtendedReport(0x0102030405060708, null, null), report.Extended);
    }

    // RR without blocks, then an XR packet of SSRC 2 by the pictures of RFC 3611 4.4, 4.5 and 4.7.
    [Fact]
    public void The_wire_is_as_RFC_3611_draws_it()
    {
        const string Rr = "80C9000100000002";
        const string Xr = "80CF001100000002" + "040000020000000100000002" + "0500000300000001AABBCCDD00010000" + "070000080000000105000A0B006401F4003200147F7F7F105D7F2C2B4000000000000000";
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(Convert.FromHexString(Rr + Xr), 1, out var report));
        var extended = report.Extended;
        Assert.Equal((0x0000_0001_0000_0002ul, new ReferenceTimeAnswer(1, 0xAABBCCDD, 65536)), (extended.ReferenceTime, extended.Answer));
        Assert.Equal(new VoipMetrics(1, 5, 0, 10, 11, 100, 500, 50, 20, 127, 127, 127, 16, 93, 127, 44, 43, 0x40, 0, 0, 0), extended.Voip);
        Assert.Equal(Concealment.None, extended.Voip!.Value.Concealment);

        var written = new byte[Rtcp.MostBytes];
        var length = Rtcp.Write(written, 2, null, null, "abcdefghijklmnop", bye: false, extended);
        Assert.EndsWith(Xr, Convert.ToHexString(written, 0, length), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("80CF0003000000020400000200000001")] // The packet does not hold the block that it begins.
    [InlineData("80CF0003000000020400000100000001")] // A reference time of 32 bits.
    [InlineData("80CF000300000002070000010000000100")] // VoIP metrics of one word, and a byte too many.
    [InlineData("80CF0004000000020500000200000001AABBCCDD")] // An answer without its delay.
    [InlineData("80CF000200000002FF00FFFF")] // A block that is longer than its packet.
    [InlineData("80CF0000")] // No SSRC.
    public void An_extended_report_whose_lengths_do_not_fit_is_refused(string xr) =>
        Assert.Equal(RtcpRejection.BadLength, Rtcp.TryRead(Convert.FromHexString("80C9000100000002" + xr), 1, out _));

    [Fact]
    public void Blocks_that_are_not_known_are_skipped()
    {
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(Convert.FromHexString("80C9000100000002" + "80CF000600000002" + "FF00000100000000" + "040000020000000100000002"), 1, out var report));
        Assert.Equal(0x0000_0001_0000_0002ul, report.Extended.ReferenceTime);
    }
}
