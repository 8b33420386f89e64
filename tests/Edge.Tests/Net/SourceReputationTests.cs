using System.Net;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip;
using IvrActors.Grains.Interfaces.Edges;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Whom a block hits: an IPv6 source is blocked with its /64, and its address may become a trunk's later.</summary>
public sealed class SourceReputationTests
{
    private const string Trunk = "2001:db8:1::5";
    private const string Friend = "2001:db8:2::7";

    private readonly TrunkTable _trunks;
    private readonly EdgeTrunk _trunk = new() { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse(Trunk + "/128"), IPNetwork.Parse("192.0.2.0/24")] };
    private readonly SourceReputation _reputation;

    public SourceReputationTests()
    {
        _trunks = new TrunkTable([_trunk, new EdgeTrunk { Name = "phones", Tenant = "demo" }]);
        var options = new EdgeOptions
        {
            Name = "e",
            Address = IPAddress.Loopback,
            Trunks = [],
            MessagesPerSource = new(1, TimeSpan.FromSeconds(1), 1),
            NeverBlock = [IPNetwork.Parse(Friend + "/128")],
            PromptFolder = "",
            RenderedPromptFolder = "",
        };
        _reputation = new SourceReputation(options, _trunks, TimeProvider.System, NullLogger<SourceReputation>.Instance);
    }

    private bool IsBlocked(string source) => _reputation.IsBlocked(IPAddress.Parse(source));

    private void Offend(string source, SourceOffence offence = SourceOffence.Scanner, bool proven = false, int times = 1)
    {
        for (var i = 0; i < times; i++) _reputation.Offend(IPAddress.Parse(source), offence, proven);
    }

    private void Hear(string source, string reason, bool proven)
    {
        var now = DateTimeOffset.UtcNow;
        var block = new SharedBlock { Source = source, Reason = reason, At = now, Until = now + TimeSpan.FromHours(1), Proven = proven, By = "edge-2" };
        _reputation.Take(new BlockUpdate { Epoch = 1, Version = 1, Begun = [block], Lifted = [] });
    }

    [Theory]
    [InlineData(Trunk, "2001:db8:1::66")]
    [InlineData(Friend, "2001:db8:2::66")]
    public void A_stranger_does_not_get_the_trunk_or_the_friend_blocked_in_whose_64_it_is(string one, string stranger)
    {
        Offend(stranger);
        foreach (var offence in Enum.GetValues<SourceOffence>()) Offend(stranger, offence, proven: true, times: 100);
        Hear(stranger, "scanner", proven: true);
        Assert.False(IsBlocked(one));
        Assert.False(IsBlocked(stranger));
    }

    [Fact]
    public void A_trunk_in_a_64_is_blocked_for_what_it_does_itself_and_by_an_operator()
    {
        Offend(Trunk, SourceOffence.Malformed, proven: true, times: 21);
        Assert.True(IsBlocked(Trunk));
        Assert.False(IsBlocked("2001:db8:3::1"));
        Hear("192.0.2.9", "operator", proven: true);
        Assert.True(IsBlocked("192.0.2.9"));
    }

    [Theory]
    [InlineData("2001:db8:3::66")]
    [InlineData("::1")]
    [InlineData("192.0.3.1")]
    public void A_stranger_elsewhere_is_blocked(string stranger)
    {
        Offend(stranger);
        Assert.True(IsBlocked(stranger));
    }

    [Theory]
    [InlineData("203.0.113.5")]
    [InlineData("2001:db8:9::5")]
    public void A_block_that_could_be_forged_ends_when_its_address_turns_out_to_be_that_of_a_trunks_proxy(string proxy)
    {
        Offend(proxy);
        Assert.True(IsBlocked(proxy));
        _trunks.Learn(_trunk, IPAddress.Parse(proxy));
        Assert.False(IsBlocked(proxy));
        Offend(proxy);
        Assert.False(IsBlocked(proxy));
    }

    [Fact]
    public void What_another_edge_proved_ends_too_and_what_this_one_proved_or_an_operator_ordered_does_not()
    {
        Hear("203.0.113.6", "malformed", proven: true);
        Offend("203.0.113.7", SourceOffence.Malformed, proven: true, times: 21);
        Hear("203.0.113.8", "operator", proven: true);
        foreach (var proxy in new[] { "203.0.113.6", "203.0.113.7", "203.0.113.8" })
        {
            Assert.True(IsBlocked(proxy));
            _trunks.Learn(_trunk, IPAddress.Parse(proxy));
        }
        Assert.Equal((false, true, true), (IsBlocked("203.0.113.6"), IsBlocked("203.0.113.7"), IsBlocked("203.0.113.8")));
    }

    [Fact]
    public void Of_more_blocks_than_fit_the_proven_ones_are_told()
    {
        Offend("203.0.113.1", proven: true);
        for (var i = 0; i < 10; i++) Offend($"198.51.100.{i}");
        var told = _reputation.OwnBlocks(3, long.MinValue, out var newest);
        Assert.Equal((3, "203.0.113.1"), (told.Count, told[0].Source));
        Assert.Empty(_reputation.OwnBlocks(3, newest + 1, out var again));
        Assert.Equal(newest + 1, again);
    }
}
