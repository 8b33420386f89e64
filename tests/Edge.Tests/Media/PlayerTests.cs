using IvrActors.Edge.Media;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

public class PlayerTests
{
    private readonly Player _player = new();
    private readonly List<PlayEvent> _events = [];

    private static PromptAudio Samples(int count, short value) => PromptAudio.FromLinear(Enumerable.Repeat(value, count).ToArray());

    private (bool Speech, byte[] Frame) Next(bool aLaw = false)
    {
        var frame = new byte[160];
        return (_player.Fill(frame, aLaw, _events), frame);
    }

    [Fact]
    public void Prompts_follow_each_other_without_a_gap_and_the_last_frame_is_filled_with_silence()
    {
        _player.Enqueue([Samples(100, 1000), Samples(100, 2000)], 1);
        var (speech, frame) = Next();
        Assert.True(speech);
        Assert.All(frame[..100], b => Assert.Equal(G711.EncodeMuLaw(1000), b));
        Assert.All(frame[100..], b => Assert.Equal(G711.EncodeMuLaw(2000), b));
        Assert.Equal([new PlayEvent(1, false)], _events);

        (speech, frame) = Next();
        Assert.True(speech);
        Assert.All(frame[..40], b => Assert.Equal(G711.EncodeMuLaw(2000), b));
        Assert.All(frame[40..], b => Assert.Equal(G711.MuLawSilence, b));
        Assert.Equal([new PlayEvent(1, false), new PlayEvent(1, true)], _events);
        Assert.False(Next().Speech);
        Assert.True(_player.IsIdle);
    }

    [Fact]
    public void Two_plays_in_a_row_have_no_gap_and_events_of_their_own()
    {
        _player.Enqueue([Samples(80, 1000)], 1);
        _player.Enqueue([Samples(80, 2000)], 2);
        var frame = Next(aLaw: true).Frame;
        Assert.Equal(G711.EncodeALaw(1000), frame[79]);
        Assert.Equal(G711.EncodeALaw(2000), frame[80]);
        Assert.Equal([new(1, false), new(1, true), new(2, false), new PlayEvent(2, true)], _events);
    }

    [Fact]
    public void A_play_that_fills_its_frames_exactly_ends_with_its_last_frame()
    {
        _player.Enqueue([Samples(320, 1000)], 1);
        Next();
        Assert.Single(_events);
        Next();
        Assert.Equal(new PlayEvent(1, true), _events[1]);
    }

    [Fact]
    public void A_play_of_nothing_starts_and_ends()
    {
        _player.Enqueue([], 5);
        Assert.False(Next().Speech);
        Assert.Equal([new(5, false), new PlayEvent(5, true)], _events);
    }

    [Fact]
    public void After_stop_the_very_next_frame_is_silence_and_no_end_is_told()
    {
        _player.Enqueue([Samples(3200, 1000)], 1);
        _player.Enqueue([Samples(3200, 1000)], 2);
        Next();
        _events.Clear();
        _player.Stop();
        Assert.Equal((false, true), (Next().Speech, Next(aLaw: true).Frame.All(b => b == G711.ALawSilence)));
        Assert.Empty(_events);
        _player.Enqueue([Samples(160, 1000)], 3);
        Assert.True(Next().Speech);
        Assert.Equal([new(3, false), new PlayEvent(3, true)], _events);
    }

    [Fact]
    public void A_prompt_that_is_being_rendered_is_waited_for()
    {
        var pending = PromptAudio.Pending();
        _player.Enqueue([pending, Samples(160, 1000)], 1);
        for (var i = 0; i < 50; i++) Assert.False(Next().Speech);
        pending.Complete(new short[160]);
        Assert.True(Next().Speech);
        Assert.True(Next().Speech);
        Assert.Equal(0, _player.Skipped);
    }

    [Fact]
    public void A_prompt_that_fails_or_takes_too_long_is_skipped()
    {
        var failed = PromptAudio.Pending();
        failed.Fail();
        _player.Enqueue([failed, PromptAudio.Pending(), Samples(160, 1000)], 1);
        for (var i = 0; i < Player.MostFramesPending; i++) Assert.False(Next().Speech);
        Assert.True(Next().Speech);
        Assert.Equal(2, _player.Skipped);
        Assert.Equal([new(1, false), new PlayEvent(1, true)], _events);
    }

    [Fact]
    public void A_queue_that_grows_too_long_drops_the_newest_play_but_tells_its_end()
    {
        var one = Samples(160, 1000);
        _player.Enqueue(Enumerable.Repeat(one, Player.MostQueued).ToList(), 1);
        _player.Enqueue([one], 2);
        for (var i = 0; i <= Player.MostQueued; i++) Next();
        Assert.Equal(new PlayEvent(2, true), _events[^1]);
        Assert.True(_player.IsIdle);
    }

    [Fact]
    public void The_schedule_never_drifts()
    {
        // An hour of steps, each taken late by a different time: step n is still due at n * 2 ms.
        var schedule = new FrameSchedule(start: 12_345, frequency: 1_000_000_000);
        var random = new Random(1);
        var taken = 0L;
        for (var now = 12_345L; taken < 1_800_000; now += random.Next(100_000, 7_000_000))
        {
            while (schedule.TryTake(now, out var frame, out var slot))
            {
                Assert.Equal(taken, frame * FrameSchedule.SlotsPerFrame + slot);
                Assert.InRange(now - schedule.DueAt(taken), 0, 7_000_000);
                taken++;
            }
            Assert.True(schedule.NextDue > now);
        }
        Assert.Equal(12_345 + taken * 2_000_000, schedule.NextDue);
    }

    [Fact]
    public void After_a_standstill_each_call_gets_one_frame_and_not_a_burst()
    {
        var schedule = new FrameSchedule(0, 1_000_000_000);
        while (schedule.TryTake(1_000_000_000, out _, out _))
        {
        }
        var slots = new List<int>();
        while (schedule.TryTake(4_000_000_000, out var frame, out var slot))
        {
            slots.Add(slot);
            Assert.InRange(frame, 199, 200);
        }
        Assert.Equal(Enumerable.Range(0, 10), slots.Order());
    }
}
