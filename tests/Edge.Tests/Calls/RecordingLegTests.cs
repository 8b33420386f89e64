using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Recordings;
using Xunit;
using Record = IvrActors.Grains.Interfaces.Calls.Record;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>When a call is recorded, and when its recording is silent.</summary>
public sealed class RecordingLegTests
{
    private static readonly RecordingId Id = new("rec-test-1");
    private readonly VirtualCall _call = new();
    private CallRecording? _recording = new(aLaw: false);

    [Fact]
    public void The_flow_hears_whether_the_call_is_recorded_and_nothing_runs_before_it_does()
    {
        Script(new Record { Recording = Id }, new Play { Prompts = VirtualCall.Prompts("later") });
        Assert.Same(_recording, _call.Media.Recording);
        Assert.True(Assert.IsType<RecordingBegun>(_call.Events[^1].Event).Begun);
        Assert.Contains(_call.Media.Plays, play => play.Prompts == "later");
    }

    [Fact]
    public void Without_a_key_there_is_no_recording_and_the_flow_hears_that()
    {
        _recording = null;
        Script(new Record { Recording = Id });
        Assert.Null(_call.Media.Recording);
        Assert.False(Assert.IsType<RecordingBegun>(_call.Events[^1].Event).Begun);
    }

    [Fact]
    public void A_recording_that_comes_when_the_call_is_over_is_finished()
    {
        Script(new Record { Recording = Id });
        _call.HangUp(CallEndReason.OperatorHungUp);
        var late = new CallRecording(aLaw: false);
        _call.Leg!.RecordingBegan(Id, late);
        Assert.True(late.IsFinished);
    }

    [Fact]
    public void A_disk_that_hangs_holds_no_call_and_what_it_brings_late_is_no_later_recording()
    {
        _call.Records = false;
        Script(new Record { Recording = Id }, new Play { Prompts = VirtualCall.Prompts("later") });
        _call.Advance(4.9);
        Assert.IsNotType<RecordingBegun>(_call.Events[^1].Event);
        _call.Advance(0.2);
        Assert.False(Assert.IsType<RecordingBegun>(_call.Events[^1].Event).Begun);
        Assert.Contains(_call.Media.Plays, play => play.Prompts == "later");
        Then(new Record { Recording = new RecordingId("rec-test-2") });
        _call.Leg!.RecordingBegan(Id, _recording);
        Assert.True(_recording!.IsFinished);
        Assert.Null(_call.Media.Recording);
    }

    [Fact]
    public void Keys_that_follow_a_secret_or_are_for_nothing_keep_it_silent()
    {
        Then(VirtualCall.Ask("pin", 4, 4, secret: true));
        _call.Grain = _ => [new Play { Prompts = VirtualCall.Prompts("connecting"), BargeIn = false }];
        _call.Keys("4711");
        for (var i = 0; i < 3; i++)
        {
            _call.Advance(1.5);
            Assert.True(IsHushed);
            _call.Key('5');
        }
        _call.Advance(2.1);
        Assert.False(IsHushed);
        _call.Key('5');
        Assert.True(IsHushed);
    }

    [Fact]
    public void A_flow_ends_it()
    {
        Script(new Record { Recording = Id });
        Then(new StopRecording());
        Assert.Null(_call.Media.Recording);
    }

    [Fact]
    public void It_is_silent_from_before_the_prompt_of_a_secret_until_two_seconds_after_its_last_key()
    {
        Then(VirtualCall.Ask("pin", 4, 4, secret: true));
        Assert.True(IsHushed);
        _call.Keys("471");
        Assert.True(IsHushed);
        _call.Grain = _ => [new Play { Prompts = VirtualCall.Prompts("thanks") }];
        _call.Key('1');
        Assert.True(IsHushed);
        _call.Advance(1.9);
        Assert.True(IsHushed);
        _call.Advance(0.2);
        Assert.False(IsHushed);
    }

    [Fact]
    public void A_secret_that_follows_prompts_is_silent_while_they_play()
    {
        Then(new Play { Prompts = VirtualCall.Prompts("first"), BargeIn = true }, VirtualCall.Ask("pin", 4, 4, secret: true));
        Assert.True(IsHushed);
        Assert.Equal(2, _call.Media.Plays.Count);
    }

    [Fact]
    public void A_secret_that_nobody_keys_is_silent_until_it_is_given_up()
    {
        Then(VirtualCall.Ask("pin", 4, 4, secret: true));
        _call.PlayEnded();
        _call.Grain = _ => [];
        _call.Advance(4.9);
        Assert.True(IsHushed);
        _call.Advance(2.3);
        Assert.False(IsHushed);
    }

    [Fact]
    public void Plain_digits_are_heard()
    {
        Then(VirtualCall.Ask("account", 1, 8));
        Assert.False(IsHushed);
        _call.Keys("12");
        Assert.False(IsHushed);
    }

    [Fact]
    public void While_it_is_not_known_what_comes_next_it_is_silent()
    {
        Then(VirtualCall.Ask("account", 1, 2));
        _call.GrainIsSlow = true;
        _call.Keys("12");
        // What was heard before is known: plain digits.
        Assert.Equal(Hush.FromNow, _call.Media.Hushes[^1]);
        _call.Key('3');
        Assert.Equal(Hush.LookingBack, _call.Media.Hushes[^1]);
        _call.Grain = _ => [VirtualCall.Ask("menu", 2, 2)];
        _call.GrainAnswers();
        Assert.False(IsHushed);
    }

    [Fact]
    public void Keys_typed_ahead_are_silent_until_it_is_known_what_they_are_for()
    {
        Then(new Play { Prompts = VirtualCall.Prompts("news"), BargeIn = true });
        Assert.False(IsHushed);
        _call.Key('4');
        Assert.True(IsHushed);
    }

    private bool IsHushed => _call.Media.Hushes.Count > 0 && _call.Media.Hushes[^1] != Hush.No;

    /// <summary>A call whose flow gives these commands after the answer.</summary>
    private void Script(params CallCommand[] commands)
    {
        _call.OnRecord = id =>
        {
            Assert.Equal(Id, id);
            return _recording;
        };
        _call.Grain = callEvent => callEvent is CallOffered ? [new Answer(), .. commands] : [];
        _call.Connect();
    }

    /// <summary>A recorded call, then these commands.</summary>
    private void Then(params CallCommand[] commands)
    {
        if (_call.Leg is null)
        {
            Script(new Record { Recording = Id });
            _call.Media.Plays.Clear();
        }
        _call.Leg!.Replied(_call.Now, new CallReply { Seq = _call.Events[^1].Event.Seq, Commands = [.. commands] });
        _call.Flush();
    }
}
