using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using Xunit;

namespace IvrActors.Edge.Tests.Recording;

/// <summary>The ring between a call's media and the disk, frame by frame.</summary>
public sealed class CallRecordingTests
{
    private const byte Silence = G711.MuLawSilence;
    private readonly CallRecording _recording = new(aLaw: false);
    private readonly List<(byte Caller, byte Heard, bool Secret)> _written = [];
    private long _frame = 1000;

    [Fact]
    public void Each_side_stands_in_its_own_channel_at_its_own_time()
    {
        Run(40, i => (byte)(i + 1), i => (byte)(i + 101));
        Finish();
        Assert.Equal(40 * 160, _written.Count);
        for (var i = 0; i < 40; i++) Assert.Equal(((byte)(i + 1), (byte)(i + 101), false), _written[i * 160 + 80]);
    }

    [Fact]
    public void Packets_that_are_lost_are_silence_and_those_that_are_late_find_their_place()
    {
        uint timestamp = 5_000_000;
        Step(() => Hear(timestamp, 1));
        Step(() => Hear(timestamp + 320, 3)); // The second overtook this one's place ...
        Step(() => Hear(timestamp + 160, 2)); // ... and comes after it.
        Step(() => { });
        Step(() => Hear(timestamp + 640, 5));
        Finish();
        Assert.Equal([1, 2, 3, Silence, 5], Enumerable.Range(0, 5).Select(i => _written[i * 160].Caller));
    }

    [Fact]
    public void Frames_that_the_clock_left_out_are_silence_of_both_sides()
    {
        Step(() => Say(7));
        _frame += 9;
        Step(() => Say(8));
        Finish();
        Assert.Equal((7, Silence, 8), (_written[0].Heard, _written[5 * 160].Heard, _written[10 * 160].Heard));
        Assert.Equal(11 * 160, _written.Count);
    }

    [Fact]
    public void The_other_law_is_turned_into_that_of_the_recording()
    {
        Step(() => _recording.Hear(1, 0, Enumerable.Repeat(G711.MuLawToALaw(0x23), 160).ToArray(), aLaw: true));
        Finish();
        Assert.Equal(G711.ALawToMuLaw(G711.MuLawToALaw(0x23)), _written[10].Caller);
    }

    [Fact]
    public void A_stream_whose_clock_drifts_or_jumps_is_joined_anew()
    {
        uint timestamp = 0;
        for (var i = 0; i < 3000; i++, timestamp += 161) Step(() => Hear(timestamp, 9)); // 0.6 % too fast for a minute.
        timestamp += 8_000_000;
        for (var i = 0; i < 10; i++, timestamp += 160) Step(() => Hear(timestamp, 10));
        Finish();
        // One sample in 160 is a gap, and where it is joined anew some are said twice.
        Assert.True(_written.Take(3000 * 160).Count(sample => sample.Caller == 9) > 2950 * 160);
        Assert.Equal(10, _written[^400].Caller);
    }

    [Fact]
    public void A_secret_is_silent_on_both_sides_from_half_a_second_before_it_was_known_until_it_ended()
    {
        Run(100, _ => 1, _ => 2);
        _recording.Hush(Hush.LookingBack);
        Run(50, _ => 3, _ => 4);
        _recording.Hush(Hush.No);
        Run(50, _ => 5, _ => 6);
        Finish();

        Assert.DoesNotContain(_written, sample => sample.Caller == 3 || sample.Heard == 4);
        Assert.All(_written, sample => Assert.True(!sample.Secret || sample is { Caller: Silence, Heard: Silence }));
        // All that is marked hangs together: from before the pause to after it.
        Assert.True(_written[(100 - CallRecording.DelayFrames + 1) * 160].Secret);
        Assert.False(_written[(100 - CallRecording.DelayFrames - 1) * 160].Secret);
        Assert.True(_written[150 * 160].Secret);
        Assert.Equal((5, 6, false), _written[170 * 160]);
        Assert.Equal(200 * 160, _written.Count);
    }

    [Fact]
    public void Where_only_what_comes_may_be_secret_what_was_heard_stays()
    {
        Run(100, _ => 1, _ => 2);
        _recording.Hush(Hush.FromNow);
        Run(10, _ => 3, _ => 4);
        _recording.Hush(Hush.No);
        Finish();
        Assert.Equal(100 * 160, _written.Count(sample => sample is { Caller: 1, Heard: 2 }));
        Assert.DoesNotContain(_written, sample => sample.Caller == 3 || sample.Heard == 4);
    }

    [Fact]
    public void A_packet_of_the_secret_that_comes_after_it_is_not_written()
    {
        uint timestamp = 0;
        Step(() => Hear(timestamp, 1));
        _recording.Hush(Hush.LookingBack);
        for (var i = 0; i < 20; i++) Step(() => { });
        _recording.Hush(Hush.No);
        for (var i = 0; i < 3; i++) Step(() => { });
        Hear(timestamp + 160 * 10, 77); // Within the pause, and still within the open frames.
        Finish();
        Assert.DoesNotContain(_written, sample => sample.Caller == 77);
    }

    [Fact]
    public void Nobody_waits_for_a_disk_that_stands_still_and_time_stays_right()
    {
        Run(600, _ => 1, _ => 2, drain: false); // 12 s.
        Assert.InRange(_recording.Dropped, 300, 400);
        Run(100, _ => 3, _ => 4);
        Finish();
        Assert.Equal(700 * 160, _written.Count);
        Assert.Equal((1, 2, false), _written[100 * 160]);
        Assert.Equal((Silence, Silence, false), _written[500 * 160]);
        Assert.Equal((3, 4, false), _written[650 * 160]);
    }

    [Fact]
    public void What_is_not_finished_is_open_for_half_a_second_and_no_longer()
    {
        Run(100, _ => 1, _ => 2);
        Assert.Equal((100 - CallRecording.DelayFrames) * 160, _written.Count);
    }

    [Fact]
    public void A_second_of_it_allocates_nothing()
    {
        var payload = new byte[160];
        var audio = new byte[RecordingCipher.MostAudio];
        uint timestamp = 0;
        void Second()
        {
            for (var i = 0; i < 50; i++, timestamp += 160)
            {
                _recording.Advance(_frame++);
                _recording.Say(payload, false);
                _recording.Hear(1, timestamp, payload, true);
                _recording.Carry(2, timestamp, payload, false);
            }
            while (_recording.Read(audio, out _) > 0)
            {
            }
        }
        Second();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++) Second();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Run(int frames, Func<int, byte> caller, Func<int, byte> heard, bool drain = true)
    {
        for (var i = 0; i < frames; i++)
        {
            var (left, right) = (caller(i), heard(i));
            Step(
                () =>
                {
                    Hear((uint)(_frame * 160), left);
                    Say(right);
                }, drain);
        }
    }

    private void Step(Action act, bool drain = true)
    {
        _recording.Advance(_frame);
        act();
        _frame++;
        if (drain) Drain();
    }

    private void Hear(uint timestamp, byte sample) => _recording.Hear(1, timestamp, Enumerable.Repeat(sample, 160).ToArray(), aLaw: false);

    private void Say(byte sample) => _recording.Say(Enumerable.Repeat(sample, 160).ToArray(), aLaw: false);

    private void Finish()
    {
        _recording.Finish();
        Drain();
        Assert.True(_recording.IsFinished);
    }

    private void Drain()
    {
        var audio = new byte[RecordingCipher.MostAudio];
        for (int length; (length = _recording.Read(audio, out var secret)) > 0;)
            for (var i = 0; i < length; i += 2) _written.Add((audio[i], audio[i + 1], secret));
    }
}
