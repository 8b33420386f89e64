using CsCheck;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

public class SpeechTests
{
    [Theory]
    [InlineData(0, "USD", "0 dollars")]
    [InlineData(1, "USD", "1 cent")]
    [InlineData(50, "EUR", "50 cents")]
    [InlineData(100, "USD", "1 dollar")]
    [InlineData(101, "GBP", "1 pound and 1 penny")]
    [InlineData(199, "GBP", "1 pound and 90 9 pence")]
    [InlineData(-20501, "EUR", "minus 2 hundred and 5 euros and 1 cent")]
    [InlineData(-100, "EUR", "minus 1 euro")]
    [InlineData(123456, "USD", "1 thousand 2 hundred and 30 4 dollars and 50 6 cents")]
    [InlineData(100500, "USD", "1 thousand and 5 dollars")]
    [InlineData(100000000, "USD", "1 million dollars")]
    [InlineData(99999999999, "USD", "9 hundred and 90 9 million 9 hundred and 90 9 thousand 9 hundred and 90 9 dollars and 90 9 cents")]
    public void An_amount_is_spoken_as_people_say_it(long minor, string currency, string expected) =>
        Assert.Equal(expected, Words(Speech.Amount(new Money { Minor = minor, Currency = currency })));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(-1, "minus 1")]
    [InlineData(21, "20 1")]
    [InlineData(100, "1 hundred")]
    [InlineData(110, "1 hundred and 10")]
    [InlineData(1_001, "1 thousand and 1")]
    [InlineData(1_100, "1 thousand 1 hundred")]
    [InlineData(1_000_020, "1 million and 20")]
    [InlineData(2_300_000, "2 million 3 hundred thousand")]
    public void A_number_is_spoken_as_people_say_it(long value, string expected) => Assert.Equal(expected, Words(Speech.Number(value)));

    [Fact]
    public void What_is_heard_of_a_number_is_the_number() =>
        Gen.OneOf(Gen.Long[-Speech.LargestNumber, Speech.LargestNumber], Gen.Long[-20_000, 20_000]).Sample(value => Assert.Equal(value, Heard(Speech.Number(value))), iter: 20_000);

    [Fact]
    public void Every_number_to_ten_thousand_is_heard_as_itself()
    {
        for (var value = 0; value <= 10_000; value++) Assert.Equal(value, Heard(Speech.Number(value)));
    }

    [Fact]
    public void Only_prompts_of_the_vocabulary_are_used_and_one_stands_with_the_singular() =>
        Gen.Select(Gen.Long[-99_999_999_999, 99_999_999_999], Gen.OneOfConst("USD", "EUR", "GBP")).Sample((minor, currency) =>
        {
            var said = Speech.Amount(new Money { Minor = minor, Currency = currency });
            Assert.All(said, id => Assert.Contains(id, Speech.AmountVocabulary));
            var major = Math.Abs(minor) / 100;
            Assert.Equal(major == 1, said.Any(id => id is "currency/dollar" or "currency/euro" or "currency/pound"));
            Assert.Equal(Math.Abs(minor) % 100 == 1, said.Any(id => id is "currency/cent" or "currency/penny"));
        }, iter: 20_000);

    [Theory]
    [InlineData(0, "JPY")]
    [InlineData(100_000_000_000, "USD")]
    [InlineData(long.MinValue, "USD")]
    [InlineData(long.MaxValue, "EUR")]
    public void What_the_vocabulary_has_not_got_is_known_before_it_is_spoken(long minor, string currency) =>
        Assert.False(Speech.CanSpeak(new Money { Minor = minor, Currency = currency }));

    [Fact]
    public void A_transaction_is_spoken_with_date_and_direction()
    {
        var debit = new AccountTransaction { On = new DateOnly(2026, 11, 23), Amount = new Money { Minor = -500, Currency = "EUR" } };
        Assert.Equal("on month/11 ordinal/23 debit 5 euros", Words(Speech.Transaction(debit)));
        var credit = new AccountTransaction { On = new DateOnly(2026, 1, 1), Amount = new Money { Minor = 100, Currency = "USD" } };
        Assert.Equal("on month/1 ordinal/1 credit 1 dollar", Words(Speech.Transaction(credit)));
    }

    [Fact]
    public void Every_day_of_a_leap_year_has_its_prompts()
    {
        for (var day = new DateOnly(2028, 1, 1); day.Year == 2028; day = day.AddDays(1)) Assert.All(Speech.Date(day), id => Assert.Contains(id, Speech.TransactionVocabulary));
    }

    [Fact]
    public void Digits_are_spoken_one_by_one() => Assert.Equal(["digit/1", "digit/0", "digit/star", "digit/pound"], Speech.Digits("10*#x"));

    private static string Words(IEnumerable<string> ids) =>
        string.Join(' ', ids.Select(id => id.Replace("number/", "", StringComparison.Ordinal).Replace("currency/", "", StringComparison.Ordinal)));

    /// <summary>A slow and obvious listener: adds up what it hears.</summary>
    private static long Heard(IReadOnlyList<string> ids)
    {
        long total = 0, group = 0;
        var negative = false;
        foreach (var id in ids)
        {
            switch (id)
            {
                case "number/minus": negative = true; break;
                case "and": break;
                case "number/hundred": group *= 100; break;
                case "number/thousand": total += group * 1_000; group = 0; break;
                case "number/million": total += group * 1_000_000; group = 0; break;
                default: group += long.Parse(id["number/".Length..]); break;
            }
        }
        return negative ? -(total + group) : total + group;
    }
}
