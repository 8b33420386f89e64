using IvrActors.Grains.Interfaces.Policies;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class NumberPlanTests
{
    [Theory]
    [InlineData("+4930123456", null, "+4930123456")]
    [InlineData("4930123456", null, "+4930123456")]
    [InlineData("030123456", "DE", "+4930123456")]
    [InlineData("004930123456", "DE", "+4930123456")]
    [InlineData("2125550123", "US", "+12125550123")]
    [InlineData("030123456", null, null)]
    [InlineData("112", "DE", null)]
    [InlineData("123456789012345678901234567890", "DE", null)]
    [InlineData("", "DE", null)]
    [InlineData("*#", null, null)]
    public void What_is_to_be_dialled_is_a_valid_number_or_nothing(string keyed, string? region, string? expected) => Assert.Equal(expected, NumberPlan.E164(keyed, region));

    // Each by the plan of its country, or by a code that belongs to none.
    [Theory]
    [InlineData("+4930123456", NumberKind.Ordinary)]
    [InlineData("+4915112345678", NumberKind.Ordinary)]
    [InlineData("+12125550123", NumberKind.Ordinary)]
    [InlineData("+499001234567", NumberKind.Premium)]
    [InlineData("+19002345678", NumberKind.Premium)]
    [InlineData("+449098790000", NumberKind.Premium)]
    [InlineData("+33899123456", NumberKind.Premium)]
    [InlineData("+979123456789", NumberKind.Premium)]
    [InlineData("+491801234567", NumberKind.SharedCost)]
    [InlineData("+447012345678", NumberKind.Personal)]
    [InlineData("+878101234567890", NumberKind.Personal)]
    [InlineData("+870773111632", NumberKind.Satellite)]
    [InlineData("+881612345678", NumberKind.Satellite)]
    [InlineData("+88216123456789", NumberKind.Satellite)]
    [InlineData("+883510012345678", NumberKind.Satellite)]
    public void Dear_numbers_are_told_from_ordinary_ones(string number, NumberKind kind) => Assert.Equal(kind, NumberPlan.KindOf(number));

    [Fact]
    public void No_text_makes_the_plan_throw()
    {
        foreach (var text in new[] { "", "+", "++", "0", "+0", "+00000000000000000000", "\0", "٣٠", new string('9', 300) })
        {
            Assert.Null(NumberPlan.E164(text, "DE"));
            Assert.Null(NumberPlan.E164(text, null));
            Assert.Equal(NumberKind.Ordinary, NumberPlan.KindOf(text));
        }
    }

    [Fact]
    public void Each_refusal_has_a_word_of_its_own()
    {
        var words = Enum.GetValues<OutboundRefusal>().Select(OutboundRefusals.NameOf).ToList();
        Assert.Equal(words.Count, words.Distinct().Count());
        Assert.All(words, word => Assert.Matches("^[a-z-]+$", word));
    }
}
