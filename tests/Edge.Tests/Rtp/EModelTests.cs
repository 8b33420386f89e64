using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

public sealed class EModelTests
{
    [Fact]
    public void A_call_without_loss_and_delay_has_the_default_rating_of_G_107()
    {
        var rating = EModel.Rate(0, 1, Concealment.None, TimeSpan.Zero);
        Assert.Equal(93.2, rating.Listening, 2 * 0.01);
        Assert.Equal(93.206, rating.Conversation, 0.002);
        Assert.Equal(4.41, rating.MosConversation, 0.005);
        Assert.Equal(4.41, rating.MosListening, 0.005);
    }

    // ITU-T G.107 Table B.1.
    [Theory]
    [InlineData(90, 4.34)]
    [InlineData(80, 4.03)]
    [InlineData(70, 3.60)]
    [InlineData(60, 3.10)]
    [InlineData(50, 2.58)]
    public void Ratings_are_opinions_as_in_the_table_of_G_107(double rating, double mos) => Assert.Equal(mos, EModel.MosOf(rating), 0.0065);

    [Theory]
    [InlineData(-20, 1)]
    [InlineData(0, 1)]
    [InlineData(3, 1)]
    [InlineData(100, 4.5)]
    [InlineData(120, 4.5)]
    public void An_opinion_stays_between_1_and_4_and_a_half(double rating, double mos) => Assert.Equal(mos, EModel.MosOf(rating));

    // G.113 (2001) Table I.2: measured Ie of packetized G.711 with the concealment of its Appendix I, under random loss in percent.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 5)]
    [InlineData(2, 7)]
    [InlineData(3, 10)]
    [InlineData(5, 15)]
    [InlineData(7, 20)]
    [InlineData(10, 25)]
    [InlineData(15, 35)]
    [InlineData(20, 45)]
    public void Random_loss_costs_what_was_measured_with_concealment(double percent, double impairment) =>
        Assert.Equal(impairment, EModel.EquipmentImpairment(percent / 100, 1, Concealment.G711AppendixI), 3.0);

    // The same table without concealment.
    [Theory]
    [InlineData(1, 25)]
    [InlineData(2, 35)]
    [InlineData(3, 45)]
    [InlineData(5, 55)]
    public void Random_loss_costs_about_what_was_measured_without_concealment(double percent, double impairment) =>
        Assert.Equal(impairment, EModel.EquipmentImpairment(percent / 100, 1, Concealment.None), 7.5);

    // Cole and Rosenbluth, "Voice over IP performance monitoring" (2001): R = 93.2 - 0.024 d - 0.11 (d - 177.3) where d > 177.3, their fit to G.107 with its default echo.
    [Theory]
    [InlineData(20)]
    [InlineData(50)]
    [InlineData(100)]
    [InlineData(150)]
    [InlineData(200)]
    [InlineData(250)]
    [InlineData(300)]
    public void Delay_costs_what_the_published_fit_to_G_107_says(double ms)
    {
        var fit = 93.2 - 0.024 * ms - (ms > 177.3 ? 0.11 * (ms - 177.3) : 0);
        Assert.Equal(fit, EModel.Rate(0, 1, Concealment.None, TimeSpan.FromMilliseconds(ms)).Conversation, 0.3);
    }

    [Fact]
    public void Delay_harms_a_conversation_and_not_who_only_listens()
    {
        var rating = EModel.Rate(0.01, 1, Concealment.G711AppendixI, TimeSpan.FromMilliseconds(400));
        Assert.Equal(93.206 - 3.64, rating.Listening, 0.01);
        Assert.InRange(rating.Conversation, 50, 60);
    }

    [Fact]
    public void Loss_in_bursts_costs_more_than_the_same_loss_spread_out()
    {
        var random = EModel.EquipmentImpairment(0.05, 1, Concealment.None);
        Assert.True(EModel.EquipmentImpairment(0.05, 4, Concealment.None) > random + 10);
        Assert.Equal(random, EModel.EquipmentImpairment(0.05, 0.2, Concealment.None));
    }

    [Fact]
    public void Nonsense_in_is_a_rating_all_the_same()
    {
        Assert.Equal(1, EModel.Rate(7, 1, Concealment.None, TimeSpan.FromDays(1)).MosConversation, 0.2);
        Assert.Equal(93.206, EModel.Rate(-1, 1, Concealment.None, TimeSpan.FromDays(-1)).Conversation, 0.002);
    }
}
