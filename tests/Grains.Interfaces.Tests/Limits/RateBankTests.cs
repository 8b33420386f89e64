using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests.Limits;

public class RateBankTests
{
    private const long Second = TimeSpan.TicksPerSecond;
    private const long Edge = 1;

    private static readonly RateLimit s_limit = new(10, TimeSpan.FromSeconds(1), 10);
    private static readonly long s_lapse = LeaseTimes.Lapse.Ticks;

    [Fact]
    public void What_an_activation_before_granted_leaves_no_room_until_it_has_lapsed()
    {
        var bank = new RateBank(0, s_limit, 0, TimeSpan.FromSeconds(0.6));
        Assert.Equal((4, 0), bank.Grant(0, Edge, 1, 10, 0, shared: false));
        Assert.Equal((0, 0), bank.Grant(s_lapse - 1, Edge, 2, 10, 0, shared: false));
        Assert.Equal((0, 0), bank.Grant(s_lapse, Edge, 3, 10, 0, shared: false));
        Assert.Equal((10, 0), bank.Grant(s_lapse + Second, Edge, 4, 10, 0, shared: false));
    }

    [Fact]
    public void What_an_edge_tells_of_a_grant_from_before_counts_as_out_and_what_it_used_is_filled_again()
    {
        var bank = new RateBank(0, s_limit, 0, TimeSpan.FromSeconds(1));
        bank.Take(0, Edge, new LeaseNews { Seq = 5, OrdinaryUsed = 3, KnownUsed = 0, Closed = false, OrdinaryLeft = 5 });
        Assert.Equal(2, bank.Out);
        Assert.Equal((3, 0), bank.Grant(Second, Edge, 6, 10, 0, shared: false));
        // The rest of it comes back as any other; told twice, it counts once.
        bank.Take(Second, Edge, new LeaseNews { Seq = 5, OrdinaryUsed = 3, KnownUsed = 0, Closed = false, OrdinaryLeft = 5 });
        bank.Take(Second, Edge, new LeaseNews { Seq = 5, OrdinaryUsed = 3, KnownUsed = 0, Closed = true });
        bank.Take(Second, Edge, new LeaseNews { Seq = 5, OrdinaryUsed = 3, KnownUsed = 0, Closed = true });
        Assert.Equal((2, 0), bank.Grant(Second, Edge, 7, 10, 0, shared: false));
    }

    [Fact]
    public void What_lapses_may_have_been_used_and_what_is_given_back_was_not()
    {
        var bank = new RateBank(0, s_limit with { Period = TimeSpan.FromHours(1) }, 0, TimeSpan.Zero);
        Assert.Equal((6, 0), bank.Grant(0, Edge, 1, 6, 0, shared: false));
        Assert.Equal((4, 0), bank.Grant(0, Edge, 2, 6, 0, shared: false));
        bank.Take(1, Edge, new LeaseNews { Seq = 2, OrdinaryUsed = 1, KnownUsed = 0, Closed = true });
        Assert.Equal((3, 0), bank.Grant(s_lapse, Edge, 3, 10, 0, shared: false));
    }

    [Fact]
    public void What_is_kept_for_known_callers_is_granted_to_them_only_and_counts_where_it_is()
    {
        var bank = new RateBank(0, s_limit, 3, TimeSpan.Zero);
        Assert.Equal((5, 2), bank.Grant(0, Edge, 1, 5, 2, shared: false));
        Assert.Equal((2, 0), bank.Grant(0, Edge, 2, 5, 0, shared: false));
        Assert.Equal((TimeSpan.FromSeconds(0.1), TimeSpan.Zero), bank.Until(0));
        Assert.Equal((0, 1), bank.Grant(0, Edge, 3, 0, 2, shared: false));
    }

    [Fact]
    public void Where_several_edges_ask_the_first_has_half_of_what_there_is()
    {
        var bank = new RateBank(0, s_limit, 0, TimeSpan.Zero);
        Assert.Equal([5, 3, 1, 1, 0], Enumerable.Range(1, 5).Select(seq => bank.Grant(0, seq, seq, 10, 0, shared: true).Ordinary));
    }
}
