using IvrActors.Edge.Dtmf;
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
    public void Of_a_play_that_makes_the_queue_too_long_what_fits_is_heard_and_its_end_told_and_the_rest_counted()
    {
        var one = Samples(160, 1000);
        _player.Enqueue(Enumerable.Repeat(one, Player.MostQueued - 1).ToList(), 1);
        Assert.Equal(0, _player.Skipped);
        _player.Enqueue([one, one], 2);
        Assert.Equal(1, _player.Skipped);
        for (var i = 0; i < Player.MostQueued; i++) Assert.True(Next().Speech);
        Assert.Equal(new PlayEvent(2, true), _events[^1]);
        Assert.True(_player.IsIdle);
    }

    /// <summary>Half a second, of which each frame has a value of its own: frame n of prompt p is 1000 p + 40 n.</summary>
    private static PromptAudio Counted(int prompt) => PromptAudio.FromLinear([.. Enumerable.Range(0, 4000).Select(i => (short)(1000 * prompt + 40 * (i / 160)))]);

    private static byte Mark(int prompt, int frame) => G711.EncodeMuLaw((short)(1000 * prompt + 40 * frame));

    [Fact]
    public void A_move_is_heard_in_the_very_next_frame_and_goes_over_the_borders_of_prompts()
    {
        _player.Enqueue([Counted(1), Counted(2), Counted(3)], 7);
        for (var i = 0; i < 30; i++) Next();
        // 30 frames in; 10 back are in the first prompt, 40 on in the third.
        Assert.True(_player.Seek(7, -10 * 160));
        Assert.Equal(Mark(1, 20), Next().Frame[0]);
        Assert.True(_player.Seek(7, 39 * 160));
        Assert.Equal(Mark(3, 10), Next().Frame[0]);
        Assert.Equal([new PlayEvent(7, false)], _events);
    }

    [Fact]
    public void A_move_goes_no_further_than_the_beginning_and_the_end()
    {
        _player.Enqueue([Counted(1), Counted(2)], 7);
        Next();
        Assert.True(_player.Seek(7, int.MinValue));
        Assert.Equal(Mark(1, 0), Next().Frame[0]);
        Assert.True(_player.Seek(7, int.MaxValue));
        Assert.False(Next().Speech);
        Assert.Equal([new(7, false), new PlayEvent(7, true)], _events);
        Assert.False(_player.Seek(7, 0));
    }

    [Fact]
    public void A_move_is_for_what_plays_and_nothing_else()
    {
        _player.Enqueue([Counted(1)], 7);
        _player.Enqueue([Counted(2)], 8);
        Assert.False(_player.Seek(7, 160));
        Next();
        Assert.False(_player.Seek(8, 160));
        Assert.False(_player.TogglePause(8));
        Assert.Equal(Mark(1, 1), Next().Frame[0]);
        _player.Repeat(Counted(3));
        Next();
        Assert.False(_player.Seek(0, 160));
    }

    [Fact]
    public void A_pause_is_silence_from_the_next_frame_on_and_what_follows_it_is_what_was_left()
    {
        _player.Enqueue([Counted(1)], 7);
        Next();
        Assert.True(_player.TogglePause(7));
        for (var i = 0; i < 100; i++) Assert.All(Next().Frame, b => Assert.Equal(G711.MuLawSilence, b));
        Assert.False(_player.IsIdle);
        _player.TogglePause(7);
        Assert.Equal(Mark(1, 1), Next().Frame[0]);
    }

    [Fact]
    public void A_pause_that_nobody_ends_ends_by_itself()
    {
        _player.Enqueue([Counted(1)], 7);
        Next();
        _player.TogglePause(7);
        for (var i = 0; i < Player.MostFramesPaused; i++) Assert.False(Next().Speech);
        Assert.Equal(Mark(1, 1), Next().Frame[0]);
    }

    [Fact]
    public void After_half_an_hour_of_moving_about_a_play_goes_on_to_its_end()
    {
        _player.Enqueue([Counted(1)], 7);
        _player.Enqueue([Counted(2)], 8);
        for (var i = 0; i < Player.MostFramesControlled; i += 20)
        {
            for (var j = 0; j < 20; j++) Next();
            Assert.True(_player.Seek(7, int.MinValue));
            if (i == 0) Assert.Equal(Mark(1, 0), Next().Frame[0]);
        }
        Assert.Equal([new PlayEvent(7, false)], _events);
        Assert.True(_player.TogglePause(7));
        for (var i = 0; i < 25; i++) Next();
        Assert.Equal([new(7, false), new(7, true), new PlayEvent(8, false)], _events);
        // The next one may be moved in again.
        Assert.True(_player.Seek(8, int.MinValue));
        Assert.Equal(Mark(2, 0), Next().Frame[0]);
    }

    [Fact]
    public void Who_moves_or_is_stopped_is_not_kept_waiting_any_longer()
    {
        _player.Enqueue([Counted(1)], 7);
        Next();
        _player.TogglePause(7);
        _player.Seek(7, 160);
        Assert.Equal(Mark(1, 2), Next().Frame[0]);
        _player.TogglePause(7);
        _player.Stop();
        _player.Enqueue([Counted(2)], 8);
        Assert.Equal(Mark(2, 0), Next().Frame[0]);
    }

    [Fact]
    public void The_place_of_a_play_that_was_heard_is_free_again()
    {
        for (var i = 0; i < 5; i++)
        {
            _player.Enqueue(Enumerable.Repeat(Samples(1, 1000), Player.MostQueued).ToList(), i);
            while (!_player.IsIdle) Assert.True(Next().Speech);
        }
        Assert.Equal(10, _events.Count);
    }

    [Theory]
    [InlineData(-20, 1000, 100)]
    [InlineData(-6, 10000, 5012)]
    [InlineData(6, 1000, 1995)]
    [InlineData(10, 3000, 9487)]
    [InlineData(99, 3000, 9487)]
    public void A_prompt_is_louder_by_so_many_decibels_in_both_codecs(int decibels, short sample, double expected)
    {
        var louder = Samples(160, sample).WithGain(decibels);
        Assert.InRange(G711.DecodeMuLaw(louder.Bytes(aLaw: false)[0]), expected * 0.95, expected * 1.05);
        Assert.InRange(G711.DecodeALaw(louder.Bytes(aLaw: true)[0]), expected * 0.95, expected * 1.05);
        Assert.InRange(G711.DecodeALaw(Samples(1, (short)-sample).WithGain(decibels).Bytes(aLaw: true)[0]), -expected * 1.05, -expected * 0.95);
    }

    [Fact]
    public void Peaks_are_bent_and_never_turn_over()
    {
        var before = -1;
        for (var sample = 0; sample <= short.MaxValue; sample += 500)
        {
            int heard = G711.DecodeMuLaw(Samples(1, (short)sample).WithGain(10).Bytes(aLaw: false)[0]);
            Assert.True(heard >= before, $"{sample} → {heard}");
            before = heard;
        }
        Assert.InRange(before, 30000, short.MaxValue);
    }

    [Fact]
    public void A_gain_is_computed_once_for_all_calls_and_waits_for_a_prompt_that_is_being_rendered()
    {
        var pending = PromptAudio.Pending();
        var louder = pending.WithGain(6);
        Assert.Same(louder, pending.WithGain(6));
        Assert.Same(pending, pending.WithGain(0));
        Assert.True(louder.IsPending);
        pending.Complete(new short[160]);
        Assert.Equal((true, 160), (louder.IsReady, louder.Bytes(aLaw: true).Length));

        var failed = PromptAudio.Pending();
        var quiet = failed.WithGain(-3);
        failed.Fail();
        Assert.Equal((false, false), (quiet.IsPending, quiet.IsReady));
        Assert.False(failed.WithGain(-4).IsPending);
    }

    [Fact]
    public void The_music_on_hold_is_soft_has_no_seam_and_holds_no_key()
    {
        var music = HoldMusic.Audio.Bytes(aLaw: false).ToArray();
        Assert.Equal(32 * 3200, music.Length);
        var samples = music.Select(b => (int)G711.DecodeMuLaw(b)).ToArray();
        Assert.InRange(samples.Max(), 3000, 13000);
        Assert.True(Math.Abs(samples[^1] - samples[0]) < 2000);
        Assert.All(samples.Chunk(8000), second => Assert.True(second.Max() > 500));
        ReadOnlySpan<short> twice = [.. samples.Concat(samples).Select(s => (short)s)];
        Assert.False(new ToneDetector().TryTake(ref twice, out _));
    }

    [Fact]
    public void The_tone_for_who_waits_is_softer_than_speech_is_nowhere_silent_and_holds_no_key()
    {
        var samples = WaitingTone.Audio.Bytes(aLaw: false).ToArray().Select(b => (int)G711.DecodeMuLaw(b)).ToArray();
        Assert.InRange(samples.Max(), 1000, 4000);
        Assert.True(Math.Abs(samples[^1] - samples[0]) < 500);
        Assert.All(samples.Chunk(1600), fifthOfASecond => Assert.True(fifthOfASecond.Max() > 100));
        ReadOnlySpan<short> twice = [.. samples.Concat(samples).Select(s => (short)s)];
        Assert.False(new ToneDetector().TryTake(ref twice, out _));
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
