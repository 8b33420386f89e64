using IvrActors.Grains.Edges;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using Xunit;

namespace IvrActors.Grains.Tests.Edges;

public sealed class MediaSummaryTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly MediaSummary _summary = new();

    private static MediaEvent Event(MediaEventKind kind, string call = "a", double? mos = null) =>
        new() { Call = new CallId($"call-{call}"), Kind = kind, AgoMs = 0, Quality = kind == MediaEventKind.Quality ? new MediaQuality { Mos = mos } : null };

    private void Add(double second, params MediaEvent[] events) => _summary.Add(new MediaEventBatch { At = s_start, Events = [.. events] }, s_start.AddSeconds(second));

    private MediaView At(double second) => _summary.Read(s_start.AddSeconds(second));

    [Fact]
    public void A_call_counts_with_its_last_opinion()
    {
        Add(0, Event(MediaEventKind.Quality, "a", 2), Event(MediaEventKind.Quality, "b", 4), Event(MediaEventKind.Quality, "c"));
        Add(5, Event(MediaEventKind.Quality, "a", 3));
        var view = At(6);
        Assert.Equal((2, 1, 3.5), (view.Calls, view.Poor, view.Mos!.Value));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(-1)]
    [InlineData(0.99)]
    [InlineData(1e300)]
    public void What_can_be_no_opinion_is_refused(double mos)
    {
        Add(0, Event(MediaEventKind.Quality, "a", 4), Event(MediaEventKind.Quality, "b", mos));
        Add(1, Event(MediaEventKind.Quality, "a", mos));
        var view = At(2);
        Assert.Equal((1, 0, 4.0), (view.Calls, view.Poor, view.Mos!.Value));
    }

    [Fact]
    public void Keys_and_plays_are_those_of_the_last_minute()
    {
        Add(0, Event(MediaEventKind.Key), Event(MediaEventKind.Key), Event(MediaEventKind.PlayStarted), Event(MediaEventKind.PlayEnded));
        Add(30, Event(MediaEventKind.Key), Event(MediaEventKind.PlayStarted));
        Assert.Equal((3, 2), (At(60).Keys, At(60).Plays));
        Assert.Equal((1, 1), (At(61).Keys, At(61).Plays));
        Assert.Equal((0, 0), (At(91).Keys, At(91).Plays));
    }

    [Fact]
    public void A_call_of_which_nothing_is_heard_for_a_minute_is_forgotten()
    {
        Add(0, Event(MediaEventKind.Quality, "a", 4));
        Assert.Equal(1, At(60).Calls);
        Assert.Equal(0, At(61).Calls);
        Assert.Null(At(61).Mos);
    }

    [Fact]
    public void However_many_calls_there_are_only_so_many_are_kept_and_room_comes_free()
    {
        for (var i = 0; i < MediaSummary.MostCalls + 100; i++) Add(0, Event(MediaEventKind.Quality, $"{i}", 4));
        Assert.Equal(MediaSummary.MostCalls, At(1).Calls);
        // Nobody read meanwhile.
        Add(70, Event(MediaEventKind.Quality, "late", 4));
        Add(71, Event(MediaEventKind.Quality, "later", 4));
        Assert.InRange(At(72).Calls, 1, 2);
    }
}
