using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class DigitCollectorTests
{
    private static DigitCollector Of(int least, int most, char? terminator = '#') => new(VirtualCall.Ask("x", least, most, terminator: terminator));

    private static CollectOutcome? Press(DigitCollector collector, string keys, long now = 1000)
    {
        CollectOutcome? outcome = null;
        foreach (var key in keys) outcome = collector.Handle(now, new CollectorInput(CollectorInputKind.Key, key));
        return outcome;
    }

    [Fact]
    public void The_most_digits_end_the_input()
    {
        using var collector = Of(2, 3);
        Assert.Null(Press(collector, "12"));
        Assert.Equal(CollectOutcome.Digits, Press(collector, "3"));
        Assert.Equal("123", collector.TakeDigits());
        Assert.True(collector.TerminatorMayFollow);
    }

    [Fact]
    public void The_terminator_ends_the_input_and_is_no_part_of_it()
    {
        using var collector = Of(2, 8);
        Assert.Equal(CollectOutcome.Digits, Press(collector, "12#"));
        Assert.Equal("12", collector.TakeDigits());
        Assert.False(collector.TerminatorMayFollow);
    }

    [Fact]
    public void The_terminator_before_the_least_digits_is_too_few()
    {
        using var collector = Of(2, 8);
        Assert.Equal(CollectOutcome.TooFew, Press(collector, "1#"));
    }

    [Fact]
    public void Without_a_terminator_the_hash_and_star_are_keys()
    {
        using var collector = Of(1, 2, terminator: null);
        Assert.Equal(CollectOutcome.Digits, Press(collector, "*#"));
        Assert.Equal("*#", collector.TakeDigits());
    }

    [Fact]
    public void The_key_that_skips_does_so_only_before_any_other()
    {
        using var skipped = new DigitCollector(new Collect { Name = "x", Prompts = [], MinDigits = 6, MaxDigits = 6, FirstDigitTimeout = TimeSpan.FromSeconds(6), InterDigitTimeout = TimeSpan.FromSeconds(3), BargeIn = true, Secret = true, Skip = '*' });
        Assert.Equal(CollectOutcome.Skipped, Press(skipped, "*"));
        Assert.False(skipped.TerminatorMayFollow);
        using var late = new DigitCollector(new Collect { Name = "x", Prompts = [], MinDigits = 3, MaxDigits = 3, FirstDigitTimeout = TimeSpan.FromSeconds(6), InterDigitTimeout = TimeSpan.FromSeconds(3), BargeIn = true, Secret = true, Skip = '*' });
        Assert.Equal(CollectOutcome.Digits, Press(late, "1*2"));
        using var none = Of(1, 2);
        Assert.Null(Press(none, "*"));
    }

    [Fact]
    public void Letters_are_ignored()
    {
        using var collector = Of(1, 2);
        Assert.Null(Press(collector, "AD1"));
        Assert.Equal(CollectOutcome.Digits, Press(collector, "2"));
    }

    [Fact]
    public void No_time_out_runs_before_the_prompt_ended_and_each_key_restarts_it()
    {
        using var collector = Of(3, 8);
        Assert.Equal(SipTimes.Never, collector.NextDeadline);
        collector.Handle(1000, new CollectorInput(CollectorInputKind.PromptEnded));
        Assert.Equal(1000 + TimeSpan.FromSeconds(5).Ticks, collector.NextDeadline);
        Press(collector, "1", 2000);
        Assert.Equal(2000 + TimeSpan.FromSeconds(3).Ticks, collector.NextDeadline);
        Press(collector, "2", 3000);
        Assert.Equal(CollectOutcome.TooFew, collector.Handle(collector.NextDeadline, new CollectorInput(CollectorInputKind.Timer)));
    }

    [Fact]
    public void Enough_digits_and_a_pause_are_an_input()
    {
        using var collector = Of(1, 8);
        Press(collector, "42");
        Assert.Null(collector.Handle(collector.NextDeadline - 1, new CollectorInput(CollectorInputKind.Timer)));
        Assert.Equal(CollectOutcome.Digits, collector.Handle(collector.NextDeadline, new CollectorInput(CollectorInputKind.Timer)));
    }

    [Fact]
    public void Digits_are_zeroed_when_the_collector_is_disposed()
    {
        var collector = Of(1, 4);
        Press(collector, "12");
        collector.Dispose();
        Assert.Equal("\0\0", collector.TakeDigits());
    }

    [Fact]
    public void Inputs_do_not_print_their_key() => Assert.Equal("Key", new CollectorInput(CollectorInputKind.Key, '7').ToString());

    [Fact]
    public void A_time_out_without_an_end_still_ends()
    {
        var ask = VirtualCall.Ask("n");
        using var collector = new DigitCollector(new() { Name = "n", Prompts = [], MinDigits = 1, MaxDigits = 1, FirstDigitTimeout = TimeSpan.MaxValue, InterDigitTimeout = ask.InterDigitTimeout, BargeIn = true, Secret = false });
        collector.Handle(TimeSpan.TicksPerDay, new CollectorInput(CollectorInputKind.PromptEnded));
        Assert.InRange(collector.NextDeadline, TimeSpan.TicksPerDay, 2 * TimeSpan.TicksPerDay);
    }
}
