using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Policies;

public sealed class OutboundRulesTests
{
    private static readonly WayOut s_trunk = new() { Prefixes = ["+49", "+43", "+870"] };

    private static OutboundPolicy Policy(params NumberKind[] unblocked) => new()
    {
        Prices = new Dictionary<string, int?> { ["+49"] = 2, ["+4915"] = 12, ["+49151"] = null, ["+44"] = 3, ["+870"] = 500 },
        Unblocked = unblocked.ToHashSet(),
        Spend = new SpendRule { PerHour = 100, PerDay = 1000, Calls = new RateLimit(1, TimeSpan.FromSeconds(1), 1), CallsAtOnce = 1, LongestCall = TimeSpan.FromHours(1) },
    };

    [Theory]
    [InlineData("+4930123456", OutboundRefusal.None, 2)]
    [InlineData("+4915712345678", OutboundRefusal.None, 12)]
    [InlineData("+4915112345678", OutboundRefusal.Forbidden, 0)]
    [InlineData("+431234567", OutboundRefusal.NotOnTenant, 0)]
    [InlineData("+442079460018", OutboundRefusal.NotOnTrunk, 0)]
    [InlineData("+12125550123", OutboundRefusal.NotOnTrunk, 0)]
    [InlineData("+499001234567", OutboundRefusal.Premium, 0)]
    [InlineData("+491801234567", OutboundRefusal.SharedCost, 0)]
    [InlineData("+870773111632", OutboundRefusal.Satellite, 0)]
    [InlineData("+447012345678", OutboundRefusal.Personal, 0)]
    [InlineData("030123456", OutboundRefusal.NotANumber, 0)]
    [InlineData("+49 30 123456", OutboundRefusal.NotANumber, 0)]
    [InlineData("+49301234567890123", OutboundRefusal.NotANumber, 0)]
    [InlineData("sip:agent@pbx.example", OutboundRefusal.NotANumber, 0)]
    [InlineData("+49٣٠123456", OutboundRefusal.NotANumber, 0)]
    [InlineData(null, OutboundRefusal.NotANumber, 0)]
    public void The_longest_prefix_decides_and_what_has_none_is_refused(string? number, OutboundRefusal refusal, int price) =>
        Assert.Equal(new OutboundVerdict(refusal, price), OutboundRules.Decide(Policy(), s_trunk, number));

    [Fact]
    public void A_dear_kind_is_called_only_where_it_is_named_and_its_prefix_too()
    {
        Assert.Equal(new OutboundVerdict(OutboundRefusal.None, 500), OutboundRules.Decide(Policy(NumberKind.Satellite), s_trunk, "+870773111632"));
        Assert.Equal(OutboundRefusal.Premium, OutboundRules.Decide(Policy(NumberKind.Satellite), s_trunk, "+499001234567").Refusal);
        Assert.Equal(OutboundRefusal.NotOnTrunk, OutboundRules.Decide(Policy(NumberKind.Satellite), s_trunk, "+881612345678").Refusal);
    }

    [Fact]
    public void A_tenant_without_outbound_and_a_trunk_without_a_way_out_call_nobody()
    {
        Assert.Equal(OutboundRefusal.TenantMayNot, OutboundRules.Decide(null, s_trunk, "+4930123456").Refusal);
        Assert.Equal(OutboundRefusal.NoWayOut, OutboundRules.Decide(Policy(), null, "+4930123456").Refusal);
        Assert.Equal(OutboundRefusal.NotOnTrunk, OutboundRules.Decide(Policy(), new WayOut { Prefixes = [] }, "+4930123456").Refusal);
        Assert.Equal(OutboundRefusal.TenantMayNot, OutboundRules.DecideAddress(null, s_trunk).Refusal);
        Assert.Equal(OutboundRefusal.NoWayOut, OutboundRules.DecideAddress(Policy(), null).Refusal);
        Assert.Equal(OutboundRefusal.None, OutboundRules.DecideAddress(Policy(), new WayOut { Prefixes = [] }).Refusal);
    }
}
