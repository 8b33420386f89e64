using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Net;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

public class SourceLimiterTests
{
    private static readonly RateLimit s_limit = new(10, TimeSpan.FromSeconds(1), 5);

    private static UInt128 Prefix(string address) => SourceAddress.Of(new IPEndPoint(IPAddress.Parse(address), 5060)).Prefix;

    [Fact]
    public void A_source_may_burst_then_waits_and_recovers_while_others_are_untouched()
    {
        var limiter = new SourceLimiter(s_limit);
        var now = TimeSpan.TicksPerDay;
        for (var i = 0; i < 5; i++) Assert.True(limiter.Allow(now, Prefix("192.0.2.1")));
        Assert.False(limiter.Allow(now, Prefix("192.0.2.1")));
        Assert.True(limiter.Allow(now, Prefix("192.0.2.2")));
        now += TimeSpan.FromMilliseconds(100).Ticks;
        Assert.True(limiter.Allow(now, Prefix("192.0.2.1")));
        Assert.False(limiter.Allow(now, Prefix("192.0.2.1")));
    }

    [Fact]
    public void Addresses_of_one_ipv6_customer_share_a_limit()
    {
        Assert.Equal(Prefix("2001:db8::1"), Prefix("2001:db8::ffff:1"));
        Assert.NotEqual(Prefix("2001:db8::1"), Prefix("2001:db8:0:1::1"));
        Assert.Equal(Prefix("192.0.2.1"), Prefix("::ffff:192.0.2.1"));
    }

    [Fact]
    public void A_flood_of_false_sources_does_not_lift_the_limit_of_a_source_that_floods()
    {
        var limiter = new SourceLimiter(s_limit);
        var now = TimeSpan.TicksPerDay;
        for (var i = 0; i < 100; i++) limiter.Allow(now, Prefix("192.0.2.1"));
        for (uint i = 0; i < 300_000; i++) limiter.Allow(now, (UInt128)(0xFFFF_0A00_0000UL + i));
        Assert.False(limiter.Allow(now, Prefix("192.0.2.1")));
    }

    [Fact]
    public void The_limiter_allocates_nothing_per_message()
    {
        var limiter = new SourceLimiter(s_limit);
        limiter.Allow(1, Prefix("192.0.2.1"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 10_000; i++) limiter.Allow(i, (UInt128)(0xFFFF_0A00_0000UL + i));
        // A collection that another test sets off may retire what this thread had of a chunk of 8 KiB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
    }

    [Theory]
    [InlineData("127.0.0.9", "127.0.0.9:31111")]
    [InlineData("2001:db8::9", "[2001:db8::9]:31111")]
    public void A_source_is_read_from_the_sockets_form_and_back(string address, string expected)
    {
        var endPoint = new IPEndPoint(IPAddress.Parse(address), 31111);
        var source = SourceAddress.Of(endPoint.Serialize());
        Assert.Equal(SourceAddress.Of(endPoint), source);
        Assert.Equal(expected, source.ToEndPoint().ToString());
    }
}
