using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Tests.Flows;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Grains.Tests.Calls;

public sealed class CallerDeskTests
{
    private static readonly TimeSpan s_floor = TimeSpan.FromMilliseconds(100);

    [Theory]
    [InlineData(FactorOutcome.Refused)]
    [InlineData(FactorOutcome.Unavailable)]
    public async Task An_answer_comes_when_the_floor_is_over_whatever_came_of_the_check(FactorOutcome outcome)
    {
        var clock = new FakeTimeProvider();
        var caller = new FakeCaller { Fails = outcome is FactorOutcome.Unavailable };
        caller.Outcomes.Enqueue(outcome);
        var grains = Answering.Make<IGrainFactory>((_, _) => caller);
        var desk = new CallerDesk(FakeKeys.Instance, grains, new RecordingPermits(grains, NullLogger.Instance), s_floor, clock, NullLogger.Instance);

        var answer = desk.Verify(new CallState { Tenant = "demo" }, new CallId("call-1"), new VerifyFactor
        {
            Factor = FactorKind.Pin,
            Account = new PersonalText("10000001"),
            Secret = new CollectedSecret { Sealed = FlowStory.Sealed(1), Seq = 3 },
            Purpose = "pin",
            Before = null,
        });

        clock.Advance(s_floor - TimeSpan.FromMilliseconds(1));
        Assert.False(answer.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(outcome, (await answer).Outcome);
    }
}
