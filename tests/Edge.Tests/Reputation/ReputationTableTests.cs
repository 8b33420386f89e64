using System.Net;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using Xunit;

namespace IvrActors.Edge.Tests.Reputation;

public class ReputationTableTests
{
    private static readonly SourcePrefix s_source = Source("192.0.2.7");
    private readonly ReputationTable _table = new();
    private long _now = TimeSpan.TicksPerDay;

    private static SourcePrefix Source(string address) => SourcePrefix.Of(IPAddress.Parse(address));

    [Fact]
    public void A_scanner_is_blocked_at_once_and_others_are_not()
    {
        Assert.False(_table.IsBlocked(_now, s_source));
        Assert.NotNull(Offend(SourceOffence.Scanner));
        Assert.True(_table.IsBlocked(_now, s_source));
        Assert.False(_table.IsBlocked(_now, Source("192.0.2.8")));
        Assert.Equal(1, _table.Blocked);
    }

    [Fact]
    public void Wrong_passwords_add_up_to_a_block_but_not_when_they_are_rare()
    {
        for (var i = 0; i < 9; i++) Assert.Null(Offend(SourceOffence.DigestFailed));
        Assert.NotNull(Offend(SourceOffence.DigestFailed));

        var seldom = Source("192.0.2.9");
        for (var i = 0; i < 200; i++)
        {
            Assert.Null(Offend(SourceOffence.DigestFailed, seldom));
            _now += TimeSpan.FromMinutes(5).Ticks;
        }
    }

    [Fact]
    public void Each_block_is_twice_as_long_as_the_one_before_up_to_a_day_and_time_forgives()
    {
        var lengths = new List<TimeSpan>();
        for (var i = 0; i < 12; i++)
        {
            var block = Offend(SourceOffence.Scanner);
            Assert.NotNull(block);
            lengths.Add(TimeSpan.FromTicks(block.Value.Until - block.Value.At));
            Assert.True(_table.IsBlocked(block.Value.Until - 1, s_source));
            _now = block.Value.Until;
            Assert.False(_table.IsBlocked(_now, s_source));
        }
        Assert.Equal([2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440], lengths.Select(l => (int)l.TotalMinutes));
        _now += 20 * TimeSpan.TicksPerDay;
        var late = Offend(SourceOffence.Scanner)!.Value;
        Assert.Equal(ReputationRules.FirstBlock.Ticks, late.Until - late.At);
    }

    [Fact]
    public void Nobody_gets_a_trunk_blocked_by_forging_its_address()
    {
        for (var i = 0; i < 10_000; i++)
        {
            foreach (var offence in Enum.GetValues<SourceOffence>())
                Assert.Null(_table.Offend(_now, s_source, offence, proven: false, SourceStanding.Trunk));
        }
        Assert.Equal(0, _table.Blocked);
    }

    [Fact]
    public void A_trunk_is_not_blocked_for_what_its_customers_dial_but_for_what_it_does_itself_over_a_connection()
    {
        for (var i = 0; i < 1000; i++) Assert.Null(_table.Offend(_now, s_source, SourceOffence.UnknownNumber, proven: true, SourceStanding.Trunk));
        Assert.Null(_table.Offend(_now, s_source, SourceOffence.Scanner, proven: true, SourceStanding.Trunk));
        for (var i = 0; i < 19; i++) Assert.Null(_table.Offend(_now, s_source, SourceOffence.Malformed, proven: true, SourceStanding.Trunk));
        Assert.NotNull(_table.Offend(_now, s_source, SourceOffence.Malformed, proven: true, SourceStanding.Trunk));
    }

    [Fact]
    public void Who_authenticated_is_safe_from_datagrams_in_its_name_for_a_day_but_not_from_what_it_does_itself()
    {
        _table.Vouch(_now, s_source);
        for (var i = 0; i < 100; i++) Assert.Null(Offend(SourceOffence.Scanner));
        Assert.NotNull(_table.Offend(_now, s_source, SourceOffence.Scanner, proven: true, SourceStanding.Stranger));

        var other = Source("192.0.2.10");
        _table.Vouch(_now, other);
        _now += ReputationRules.VouchedFor.Ticks;
        Assert.NotNull(Offend(SourceOffence.Scanner, other));
    }

    [Fact]
    public void A_lift_ends_the_block_that_the_operator_saw_and_no_later_one()
    {
        var first = Offend(SourceOffence.Scanner)!.Value;
        Assert.False(_table.Lift(s_source, first.At - 1));
        Assert.True(_table.Lift(s_source, first.At));
        Assert.False(_table.IsBlocked(_now, s_source));
        Assert.False(_table.Lift(s_source, first.At));
        var again = Offend(SourceOffence.Scanner)!.Value;
        Assert.Equal(ReputationRules.FirstBlock.Ticks, again.Until - again.At);
    }

    [Fact]
    public void A_block_of_another_edge_holds_here_and_is_not_told_as_our_own()
    {
        var until = _now + TimeSpan.FromMinutes(5).Ticks;
        Assert.True(_table.Share(_now, s_source, SourceOffence.DigestFailed, _now, until, proven: true, SourceStanding.Stranger));
        Assert.False(_table.Share(_now, s_source, SourceOffence.DigestFailed, _now, until, proven: true, SourceStanding.Stranger));
        Assert.True(_table.IsBlocked(until - 1, s_source));
        Assert.False(Assert.Single(_table.Blocks(_now)).Own);
        Assert.False(_table.IsBlocked(until, s_source));
        Assert.Equal(0, _table.Blocked);
    }

    [Fact]
    public void A_million_forged_sources_lift_no_block_and_take_no_memory()
    {
        Offend(SourceOffence.Scanner);
        Assert.False(_table.IsBlocked(_now, Source("198.51.100.1")));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 1_000_000; i++) _table.Offend(_now, new SourcePrefix((UInt128)0xFFFF_0A00_0000UL + i), SourceOffence.UnknownSource, proven: false, SourceStanding.Stranger);
        // A collection that another test sets off may retire what this thread had of a chunk of 8 KiB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
        Assert.True(_table.IsBlocked(_now, s_source));

        for (uint i = 0; i < 100_000; i++) _table.Offend(_now, new SourcePrefix((UInt128)0xFFFF_0A00_0000UL + i), SourceOffence.Scanner, proven: false, SourceStanding.Stranger);
        Assert.InRange(_table.Blocked, 1, ReputationTable.Capacity);
        Assert.Equal(_table.Blocked, _table.Blocks(_now).Count);
        Assert.True(_table.IsBlocked(_now, s_source));
    }

    [Fact]
    public void Forged_sources_take_the_place_of_nobody_real()
    {
        var (ordered, proven, cracker, honest) = (Source("192.0.2.1"), Source("192.0.2.2"), Source("192.0.2.3"), Source("192.0.2.4"));
        Forge();
        Assert.True(_table.Share(_now, ordered, SourceOffence.Operator, _now, _now + TimeSpan.TicksPerMinute, proven: true, SourceStanding.Stranger));
        Assert.NotNull(_table.Offend(_now, proven, SourceOffence.Scanner, proven: true, SourceStanding.Stranger));
        _table.Vouch(_now, honest);
        for (var i = 0; i < 9; i++) Assert.Null(_table.Offend(_now, cracker, SourceOffence.DigestFailed, proven: true, SourceStanding.Stranger));
        Forge();
        Assert.NotNull(_table.Offend(_now, cracker, SourceOffence.DigestFailed, proven: true, SourceStanding.Stranger));
        Assert.All(new[] { ordered, proven, cracker }, source => Assert.True(_table.IsBlocked(_now, source)));
        Assert.Null(Offend(SourceOffence.Scanner, honest));

        void Forge()
        {
            for (uint i = 0; i < 200_000; i++) Offend(SourceOffence.Scanner, new SourcePrefix((UInt128)0xFFFF_0A00_0000UL + i));
        }
    }

    [Fact]
    public void Who_has_a_password_is_not_forgiven_what_it_tried_at_others()
    {
        for (var i = 0; i < 9; i++)
        {
            Assert.Null(_table.Offend(_now, s_source, SourceOffence.DigestFailed, proven: true, SourceStanding.Stranger));
            _table.Vouch(_now, s_source);
        }
        Assert.NotNull(_table.Offend(_now, s_source, SourceOffence.DigestFailed, proven: true, SourceStanding.Stranger));

        var site = Source("192.0.2.11");
        for (var i = 0; i < 100; i++)
        {
            Assert.Null(_table.Offend(_now, site, SourceOffence.ManyUsers, proven: true, SourceStanding.Stranger));
            if (i % 30 == 0) _table.Vouch(_now, site);
        }
    }

    [Fact]
    public void An_operators_shorter_time_replaces_a_longer_one_and_no_edges_time_replaces_it()
    {
        Offend(SourceOffence.Scanner);
        var (minute, hour) = (_now + TimeSpan.TicksPerMinute, _now + TimeSpan.TicksPerHour);
        Assert.False(_table.Share(_now, s_source, SourceOffence.Operator, _now, minute, proven: true, SourceStanding.Stranger));
        Assert.Equal((minute, false), (Assert.Single(_table.Blocks(_now)).Until, _table.BlockOf(_now, s_source)!.Value.Own));
        Assert.False(_table.Share(_now, s_source, SourceOffence.Scanner, _now, hour, proven: true, SourceStanding.Stranger));
        Assert.False(_table.IsBlocked(minute, s_source));
    }

    [Fact]
    public void A_block_of_this_edge_stays_its_own_when_the_cluster_repeats_or_lengthens_it()
    {
        var own = Offend(SourceOffence.Scanner)!.Value;
        _table.Share(_now, s_source, own.Reason, own.At, own.Until + 1000, own.Proven, SourceStanding.Stranger);
        Assert.Equal(own, _table.BlockOf(_now, s_source));
        _table.Share(_now, s_source, own.Reason, own.At, own.Until + TimeSpan.TicksPerHour, own.Proven, SourceStanding.Stranger);
        Assert.Equal(own with { Until = own.Until + TimeSpan.TicksPerHour }, _table.BlockOf(_now, s_source));
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("192.0.2.7/32", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("2001:db8::5", "2001:db8::/64")]
    [InlineData("2001:db8::/64", "2001:db8::/64")]
    [InlineData("192.0.2.0/24", null)]
    [InlineData("here", null)]
    public void A_source_is_written_as_operators_write_it(string text, string? expected)
    {
        Assert.Equal(expected is not null, SourcePrefix.TryParse(text, out var source));
        if (expected is not null) Assert.Equal(expected, source.ToString());
    }

    private ActiveBlock? Offend(SourceOffence offence, SourcePrefix? source = null) => _table.Offend(_now, source ?? s_source, offence, proven: false, SourceStanding.Stranger);
}
