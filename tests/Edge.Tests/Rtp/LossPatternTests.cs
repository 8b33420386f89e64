using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

/// <summary>Streams are written as text: a letter for a packet that came, a dot for one that did not.</summary>
public sealed class LossPatternTests
{
    private static readonly string s_gap = new('r', LossPattern.Gmin);

    private static LossSummary Of(string stream)
    {
        var pattern = new LossPattern();
        var missing = 0;
        foreach (var packet in stream)
        {
            missing++;
            if (packet == '.') continue;
            pattern.Advance(missing);
            missing = 0;
        }
        return pattern.Summarize();
    }

    [Fact]
    public void A_stream_without_loss_is_one_gap()
    {
        var losses = Of(new string('r', 1000));
        Assert.Equal(new LossSummary(1000, 0, 0, 0, 0, 1000, 1), losses);
    }

    [Fact]
    public void A_loss_that_stands_alone_belongs_to_the_gap()
    {
        var losses = Of(s_gap + "." + s_gap);
        Assert.Equal(new LossSummary(33, 1, 0, 1 / 33.0, 0, 33, 1), losses);
    }

    [Fact]
    public void Losses_with_fewer_than_Gmin_packets_between_are_one_burst()
    {
        var losses = Of(s_gap + ".rr..r." + s_gap);
        Assert.Equal((7.0, 4 / 7.0, 16.0, 0.0), (losses.BurstPackets, losses.BurstDensity, losses.GapPackets, losses.GapDensity));
    }

    [Fact]
    public void Gmin_packets_in_a_row_end_a_burst_and_one_less_does_not()
    {
        var fewer = Of($"r..{s_gap[1..]}..{s_gap}");
        Assert.Equal((19.0, 4 / 19.0), (fewer.BurstPackets, fewer.BurstDensity));
        var enough = Of($"r..{s_gap}..{s_gap}");
        Assert.Equal((2.0, 1.0), (enough.BurstPackets, enough.BurstDensity));
    }

    [Fact]
    public void Losses_in_runs_have_a_burst_ratio_above_1_and_spread_out_ones_have_not()
    {
        Assert.Equal(1, Of(string.Concat(Enumerable.Repeat("rrrr.", 100)) + "r").BurstRatio);
        // Runs of 4, a fifth of all lost: 4 × 0.8.
        Assert.Equal(3.2, Of("r" + string.Concat(Enumerable.Repeat("rrrrrrrrrrrrrrrr....", 100)) + "r").BurstRatio, 0.01);
    }

    [Fact]
    public void A_packet_that_came_late_is_no_loss()
    {
        var pattern = new LossPattern();
        pattern.Advance(1);
        pattern.Advance(3);
        pattern.Late(1);
        pattern.Late(2);
        pattern.Late(50);
        Assert.Equal((4, 0), (pattern.Summarize().Packets, pattern.Summarize().Lost));
    }

    [Fact]
    public void A_hole_that_stayed_long_is_decided()
    {
        var pattern = new LossPattern();
        pattern.Advance(1);
        pattern.Advance(2);
        pattern.Advance(100);
        pattern.Late(101);
        Assert.Equal((103, 100), (pattern.Summarize().Packets, pattern.Summarize().Lost));
    }

    [Fact]
    public void Any_stream_is_sorted_as_the_definition_sorts_it()
    {
        var random = new Random(7);
        for (var i = 0; i < 500; i++)
        {
            var loss = random.NextDouble() * 0.4;
            var lost = false;
            var stream = "r" + string.Concat(Enumerable.Range(0, random.Next(400)).Select(_ => (lost = random.NextDouble() < (lost ? 0.5 : loss)) ? '.' : 'r')) + "r";
            var (bursts, packets, losses) = Definition(stream);
            var summary = Of(stream);
            Assert.Equal((stream.Length, stream.Count(p => p == '.')), (summary.Packets, summary.Lost));
            Assert.Equal(bursts == 0 ? 0 : (double)packets / bursts, summary.BurstPackets);
            Assert.Equal(bursts == 0 ? 0 : (double)losses / packets, summary.BurstDensity);
        }
    }

    /// <summary>RFC 3611 4.7.2, word for word: the longest sequences that begin and end with a loss and hold no Gmin received packets in a row; alone it is none.</summary>
    private static (int Bursts, int Packets, int Losses) Definition(string stream)
    {
        var (bursts, packets, losses) = (0, 0, 0);
        for (var start = stream.IndexOf('.', StringComparison.Ordinal); start >= 0;)
        {
            var behind = stream.IndexOf(s_gap, start, StringComparison.Ordinal);
            var burst = (behind < 0 ? stream[start..] : stream[start..behind]).TrimEnd('r');
            if (burst.Count(p => p == '.') > 1) (bursts, packets, losses) = (bursts + 1, packets + burst.Length, losses + burst.Count(p => p == '.'));
            start = behind < 0 ? -1 : stream.IndexOf('.', behind);
        }
        return (bursts, packets, losses);
    }
}
