using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

public sealed class BlockListTests
{
    private readonly BlockList _list = new();
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private SharedBlock Block(string source, int minutes = 60, string reason = "scanner", bool proven = false) =>
        new() { Source = source, Reason = reason, At = _now, Until = _now + TimeSpan.FromMinutes(minutes), Proven = proven, By = "edge-1" };

    private IEnumerable<string> Sources => _list.Current(_now).Select(block => block.Source);

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("192.0.2.7/32", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("2001:db8:0:1::9", "2001:db8:0:1::/64")]
    [InlineData("2001:DB8::/64", "2001:db8::/64")]
    [InlineData("192.0.2.0/24", null)]
    [InlineData("2001:db8::/48", null)]
    [InlineData("example.org", null)]
    [InlineData("", null)]
    public void A_source_has_one_spelling(string text, string? source)
    {
        Assert.Equal(source, BlockList.SourceOf(text));
    }

    [Fact]
    public void What_an_edge_tells_others_hear_once_and_the_longer_block_stands()
    {
        _list.Merge(_now, Block("192.0.2.7"));
        var (begun, _, version) = _list.Since(_now, 0);
        Assert.Equal("192.0.2.7", Assert.Single(begun).Source);
        Assert.Empty(_list.Since(_now, version).Begun);
        _list.Merge(_now, Block("192.0.2.7", minutes: 30));
        Assert.Empty(_list.Since(_now, version).Begun);
        _list.Merge(_now, Block("192.0.2.7", minutes: 90));
        Assert.Equal(_now + TimeSpan.FromMinutes(90), Assert.Single(_list.Since(_now, version).Begun).Until);
        _now += TimeSpan.FromMinutes(91);
        Assert.Empty(Sources);
    }

    [Fact]
    public void An_edge_can_neither_order_like_an_operator_nor_block_for_longer_than_a_day_nor_tell_nonsense()
    {
        _list.Merge(_now, Block("192.0.2.1", reason: "operator"));
        _list.Merge(_now, Block("192.0.2.0/24"));
        _list.Merge(_now, Block("2001:DB8::/64"));
        _list.Merge(_now, Block("192.0.2.2", minutes: -1));
        Assert.Empty(Sources);
        _list.Merge(_now, Block("192.0.2.3", minutes: 100_000));
        Assert.Equal(_now + TimeSpan.FromDays(1), Assert.Single(_list.Current(_now)).Until);
    }

    [Fact]
    public void What_an_operator_lifts_is_told_and_does_not_come_back_by_an_edge_that_has_not_heard()
    {
        var old = Block("192.0.2.7");
        _list.Merge(_now, old);
        var version = _list.Version;
        _now += TimeSpan.FromMinutes(1);
        Assert.True(_list.Remove(_now, "192.0.2.7"));
        Assert.False(_list.Remove(_now, "192.0.2.7"));
        Assert.Equal("192.0.2.7", Assert.Single(_list.Since(_now, version).Lifted).Source);
        _list.Merge(_now, old);
        Assert.Empty(Sources);
        _now += TimeSpan.FromMinutes(1);
        _list.Merge(_now, Block("192.0.2.7"));
        Assert.Single(Sources);
        Assert.Empty(_list.Since(_now, 0).Lifted);
    }

    [Fact]
    public void An_operators_block_is_replaced_by_no_edges_and_by_the_operators_next()
    {
        Assert.True(_list.Add(_now, "192.0.2.7", TimeSpan.FromHours(1), "ann"));
        _list.Merge(_now, Block("192.0.2.7", minutes: 90));
        Assert.Equal("ann", Assert.Single(_list.Current(_now)).By);
        Assert.True(_list.Add(_now, "192.0.2.7", TimeSpan.FromMinutes(1), "ben"));
        Assert.Equal(_now + TimeSpan.FromMinutes(1), Assert.Single(_list.Current(_now)).Until);
        Assert.True(_list.Add(_now, "192.0.2.7", TimeSpan.FromDays(4000), "ben"));
        Assert.Equal(_now + BlockList.Longest, Assert.Single(_list.Current(_now)).Until);
    }

    [Fact]
    public void A_full_list_lets_what_ends_first_go_and_keeps_the_operators()
    {
        _list.Add(_now, "192.0.2.7", TimeSpan.FromMinutes(1), "ann");
        for (var i = 0; i < BlockList.Most + 10; i++) _list.Merge(_now, Block($"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}", minutes: 60 + i / 1000));
        Assert.Equal(BlockList.Most, _list.Count);
        Assert.Contains("192.0.2.7", Sources);
        Assert.Contains($"10.0.{((BlockList.Most + 9) >> 8) & 255}.{(BlockList.Most + 9) & 255}", Sources);
    }

    [Fact]
    public void Of_a_full_list_what_could_be_forged_gives_way_to_what_was_proven_and_not_the_reverse()
    {
        _list.Merge(_now, Block("192.0.2.7", minutes: 1, proven: true));
        for (var i = 0; i < BlockList.Most; i++) _list.Merge(_now, Block($"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}", minutes: 60));
        _list.Merge(_now, Block("192.0.2.8", minutes: 1, proven: true));
        Assert.Equal(BlockList.Most, _list.Count);
        Assert.Contains("192.0.2.7", Sources);
        Assert.Contains("192.0.2.8", Sources);
    }

    [Fact]
    public void The_same_block_told_again_with_a_time_that_was_rounded_is_no_news()
    {
        _list.Merge(_now, Block("192.0.2.7"));
        var version = _list.Version;
        var told = Block("192.0.2.7");
        _list.Merge(_now, new SharedBlock { Source = told.Source, Reason = told.Reason, At = told.At, Until = told.Until + TimeSpan.FromMilliseconds(3), Proven = told.Proven, By = told.By });
        Assert.Equal(version, _list.Version);
    }

    [Fact]
    public void More_than_fits_into_one_exchange_is_told_in_several()
    {
        for (var i = 0; i < 2 * BlockNews.Most + 10; i++) _list.Merge(_now, Block($"10.0.{i >> 8}.{i & 255}"));
        var (heard, version) = (new HashSet<string>(), 0L);
        for (var exchange = 0; exchange < 3; exchange++)
        {
            var (begun, _, upTo) = _list.Since(_now, version);
            Assert.InRange(begun.Count, 1, BlockNews.Most);
            heard.UnionWith(begun.Select(block => block.Source));
            version = upTo;
        }
        Assert.Equal(2 * BlockNews.Most + 10, heard.Count);
        Assert.Empty(_list.Since(_now, version).Begun);
    }
}
