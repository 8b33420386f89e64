using IvrActors.Edge.Calls;
using IvrActors.Edge.Tests.Limits;
using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class TrunkCallsTests
{
    private const long Second = TimeSpan.TicksPerSecond;

    private static readonly LimitRule s_perHour = new() { Calls = new RateLimit(1, TimeSpan.FromHours(1), 10) };

    private static bool Stranger() => false;

    [Fact]
    public void Above_its_calls_at_once_a_trunk_is_busy_until_one_ends()
    {
        var (calls, cluster) = LocalCluster.Of(new LimitRule { AtOnce = 2 });
        TrunkRefusal Begin(long now)
        {
            cluster.Exchange(now);
            return calls.TryBegin(now, Stranger);
        }

        Assert.Equal([0, 0], new[] { Begin(Second).Status, Begin(2 * Second).Status });
        Assert.Equal(new TrunkRefusal(486, null, "trunk_busy"), Begin(3 * Second));
        calls.Ended();
        Assert.Equal(0, Begin(4 * Second).Status);
        Assert.Equal(2, calls.Active);
    }

    [Fact]
    public void Above_its_rate_a_trunk_is_told_when_to_come_again_and_refused_calls_count_for_nothing()
    {
        var (calls, cluster) = LocalCluster.Of(new LimitRule { Calls = new RateLimit(1, TimeSpan.FromSeconds(10), 2) });
        TrunkRefusal Begin(long now)
        {
            cluster.Exchange(now);
            return calls.TryBegin(now, Stranger);
        }

        Assert.Equal([0, 0], new[] { Begin(Second).Status, Begin(Second + Second / 100).Status });
        Assert.Equal(new TrunkRefusal(503, 10, "trunk_rate"), Begin(Second + Second / 50));
        Assert.Equal(new TrunkRefusal(503, 5, "trunk_rate"), Begin(6 * Second + Second / 50));
        Assert.Equal(0, Begin(11 * Second + Second / 50).Status);
        Assert.Equal(3, calls.Active);
    }

    [Fact]
    public void A_trunk_without_limits_has_none()
    {
        var (calls, _) = LocalCluster.Of(new LimitRule());
        for (var i = 0; i < 10_000; i++) Assert.Equal(0, calls.TryBegin(0, Stranger).Status);
    }

    [Fact]
    public void A_call_that_one_row_refuses_counts_in_none()
    {
        var (narrow, wide) = (new EdgeTrunk { Name = "a", Tenant = "demo", Limit = s_perHour with { Calls = new RateLimit(1, TimeSpan.FromHours(1), 1) } }, new EdgeTrunk { Name = "b", Tenant = "demo" });
        var cluster = new LocalCluster([narrow, wide], s_perHour, s_perHour);
        var (first, second) = (new TrunkCalls(narrow, cluster.Limits), new TrunkCalls(wide, cluster.Limits));
        var reasons = new List<string>();
        for (var i = 1; i <= 20; i++)
        {
            cluster.Exchange(i * Second);
            reasons.Add(first.TryTake(i * Second, Stranger).Reason ?? "");
        }
        Assert.Equal(["", .. Enumerable.Repeat("trunk_rate", 19)], reasons);
        reasons.Clear();
        for (var i = 21; i <= 40; i++)
        {
            cluster.Exchange(i * Second);
            reasons.Add(second.TryTake(i * Second, Stranger).Reason ?? "");
        }
        Assert.Equal([.. Enumerable.Repeat("", 9), .. Enumerable.Repeat("cluster_rate", 11)], reasons);
    }

    [Fact]
    public void A_stranger_is_refused_where_a_known_caller_still_gets_what_is_kept()
    {
        var (calls, cluster) = LocalCluster.Of(s_perHour with { AtOnce = 10, KnownShare = 0.2 });
        var strangers = 0;
        for (var i = 1; i <= 20; i++)
        {
            cluster.Exchange(i * Second);
            strangers += calls.TryBegin(i * Second, Stranger).Status == 0 ? 1 : 0;
        }
        Assert.Equal(8, strangers);
        var known = 0;
        for (var i = 21; i <= 30; i++)
        {
            cluster.Exchange(i * Second);
            known += calls.TryBegin(i * Second, () => true).Status == 0 ? 1 : 0;
        }
        Assert.Equal(2, known);
    }

    [Fact]
    public void A_call_out_counts_for_its_trunk_only_and_is_taken_before_those_of_strangers()
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "demo", Limit = new LimitRule { AtOnce = 5, KnownShare = 0.2 } };
        var cluster = new LocalCluster([trunk], new LimitRule { AtOnce = 4 });
        var calls = new TrunkCalls(trunk, cluster.Limits);
        for (var i = 1; i <= 4; i++)
        {
            cluster.Exchange(i * Second);
            Assert.Equal(0, calls.TryBegin(i * Second, Stranger).Status);
        }
        cluster.Exchange(5 * Second);
        Assert.Equal(0, calls.TryBeginOut(5 * Second).Status);
        Assert.Equal(486, calls.TryBeginOut(5 * Second).Status);
        Assert.Equal(5, calls.Active);
        calls.EndedOut();
        calls.Ended();
        cluster.Exchange(6 * Second);
        Assert.Equal(0, calls.TryBegin(6 * Second, Stranger).Status);
        Assert.Equal("cluster_busy", calls.TryBegin(6 * Second, Stranger).Reason);
    }

    [Fact]
    public void Without_the_cluster_a_closed_trunk_takes_no_call_and_an_open_one_as_many_as_its_limit_lets_it()
    {
        foreach (var isOpen in new[] { false, true })
        {
            var (calls, cluster) = LocalCluster.Of(s_perHour with { OpenWhenUnavailable = isOpen });
            cluster.IsGone = true;
            for (var now = Second; now < 5 * Second; now += Second / 10) cluster.Exchange(now);
            var taken = Enumerable.Range(0, 20).Count(_ => calls.TryTake(5 * Second, Stranger).Status == 0);
            Assert.Equal(isOpen ? 10 : 0, taken);
            Assert.Equal(isOpen ? "trunk_rate" : "trunk_unavailable", calls.TryTake(5 * Second, Stranger).Reason);
        }
    }

    [Fact]
    public void What_a_call_needs_is_here_when_it_comes()
    {
        var (calls, cluster) = LocalCluster.Of(new LimitRule { Calls = new RateLimit(200, TimeSpan.FromSeconds(1), 400) });
        for (var now = 0L; now < 20 * Second; now += Second / 100)
        {
            Assert.True(calls.TryTake(now, Stranger).Status == 0 || now == 0);
            cluster.Exchange(now);
        }
        // One request for many calls: 100 a second.
        Assert.InRange(cluster.Asks, 20, 200);
    }
}
