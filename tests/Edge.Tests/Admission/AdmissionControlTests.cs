using IvrActors.Edge.Admission;
using Xunit;

namespace IvrActors.Edge.Tests.Admission;

public class AdmissionControlTests
{
    private static readonly AdmissionRules s_rules = new();

    private static LoadReading Reading(double cpu = 0.2, double memory = 0.2, int loop = 0, int grain = 0, int transactions = 0) =>
        new(cpu, memory, TimeSpan.FromMilliseconds(loop), TimeSpan.FromMilliseconds(grain), transactions);

    private static AdmissionState After(AdmissionState state, LoadReading reading, int times = 1, int ordinary = 100, int known = 0)
    {
        for (var i = 0; i < times; i++) state = AdmissionControl.Observe(s_rules, state, reading, ordinary, known);
        return state;
    }

    [Fact]
    public void A_load_within_the_limits_sheds_nobody()
    {
        var state = After(AdmissionState.Open, Reading(cpu: 0.94, memory: 0.84, loop: 49, grain: 499, transactions: 134_000), 100);
        Assert.False(state.IsShedding);
        Assert.True(AdmissionControl.Admits(state, CallClass.Ordinary, 0));
    }

    [Theory]
    [InlineData(LoadSignal.Cpu)]
    [InlineData(LoadSignal.Memory)]
    [InlineData(LoadSignal.LoopDelay)]
    [InlineData(LoadSignal.GrainLatency)]
    [InlineData(LoadSignal.Transactions)]
    public void Each_signal_above_its_limit_sheds_by_itself(LoadSignal signal)
    {
        var reading = signal switch
        {
            LoadSignal.Cpu => Reading(cpu: 1),
            LoadSignal.Memory => Reading(memory: 0.9),
            LoadSignal.LoopDelay => Reading(loop: 60),
            LoadSignal.GrainLatency => Reading(grain: 700),
            _ => Reading(transactions: 140_000),
        };
        var state = After(AdmissionState.Open, reading);
        Assert.True(state.IsShedding);
        Assert.Equal(signal, state.Signal);
        Assert.False(AdmissionControl.Admits(state, CallClass.Ordinary, 0));
        Assert.True(AdmissionControl.Admits(state, CallClass.Ordinary, 0.999));
    }

    [Fact]
    public void Between_relief_and_the_limit_nothing_changes()
    {
        var state = After(AdmissionState.Open, Reading(loop: 100), 3);
        Assert.Equal(state.Accepted, After(state, Reading(loop: 45), 50).Accepted);
    }

    [Fact]
    public void After_the_load_is_gone_all_are_admitted_again_within_six_seconds_and_not_at_once()
    {
        var state = After(AdmissionState.Open, Reading(loop: 5000), 50);
        Assert.Equal(AdmissionRules.LeastAccepted, state.Accepted);
        Assert.True(After(state, Reading(), 10).IsShedding);
        Assert.False(After(state, Reading(), 60).IsShedding);
    }

    [Fact]
    public void Ordinary_callers_are_shed_before_known_ones_and_emergencies_never()
    {
        // 30 of 100 may come in, and 20 of 100 are known.
        var state = After(AdmissionState.Open with { Ordinary = 80, Known = 20 }, Reading(loop: 167), ordinary: 80, known: 20);
        Assert.Equal(0.3, state.Accepted, 2);
        Assert.Equal((1 - state.Accepted) / 0.8, state.OrdinaryShed, 6);
        Assert.Equal(0, state.KnownShed);

        // 6 of 100: no ordinary one, and not all of the known ones.
        state = After(state, Reading(loop: 10_000), ordinary: 80, known: 20);
        Assert.Equal(1, state.OrdinaryShed);
        Assert.Equal(1 - state.Accepted / 0.2, state.KnownShed, 2);
        Assert.True(AdmissionControl.Admits(state, CallClass.Emergency, 0));
    }

    [Fact]
    public void A_busy_processor_alone_sheds_no_known_caller()
    {
        var state = After(AdmissionState.Open, Reading(cpu: 1), 500, ordinary: 90, known: 10);
        Assert.Equal(1, state.OrdinaryShed);
        Assert.Equal(0, state.KnownShed);
    }

    [Fact]
    public void Under_three_times_of_what_it_can_do_an_edge_does_what_it_can_and_does_not_flap()
    {
        // A plant: what is admitted beyond the capacity queues, and the delay is what the queue takes to work off.
        const double capacity = 100, offered = 300;
        var (state, queue, changes, admitted) = (AdmissionState.Open, 0.0, 0, 0.0);
        for (var sample = 0; sample < 600; sample++)
        {
            var before = state.IsShedding;
            state = AdmissionControl.Observe(s_rules, state, new LoadReading(0.5, 0.2, TimeSpan.FromSeconds(queue / capacity / 10), TimeSpan.Zero, 0), (int)offered, 0);
            if (state.IsShedding != before) changes++;
            var comesIn = offered * (1 - state.OrdinaryShed);
            queue = Math.Max(0, queue + comesIn - capacity);
            if (sample >= 100) admitted += Math.Min(capacity, comesIn + queue);
        }
        Assert.Equal(1, changes);
        Assert.InRange(admitted / 500, 0.8 * capacity, capacity);
        Assert.True(queue < 3 * capacity, $"{queue} wait");
    }

    [Fact]
    public void Retry_after_is_short_and_spread()
    {
        Assert.Equal(1, AdmissionControl.RetryAfter(0));
        Assert.Equal(5, AdmissionControl.RetryAfter(0.999));
    }
}
