using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;
using static IvrActors.Edge.Tests.Calls.VirtualCall;

namespace IvrActors.Edge.Tests.Calls;

public class CallLegTests
{
    private static void Notify(VirtualCall call, uint sequence, string status, string state) =>
        call.Request("NOTIFY", sequence, status + "\r\n", extra: $"Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n");

    private static string Statuses(VirtualCall call) => string.Join(' ', call.Sent.OfType<SipResponse>().Select(response => response.Status));

    [Fact]
    public void A_call_is_answered_gathers_digits_and_ends_with_bye()
    {
        var call = new VirtualCall
        {
            Grain = callEvent => callEvent switch
            {
                CallOffered => [new Answer(), new Play { Prompts = Prompts("welcome") }, Ask("account", 4, 4)],
                DigitsCollected => [new HangUp()],
                _ => [],
            },
        };
        call.Connect();
        Assert.Equal("100 200", Statuses(call));
        Assert.True(call.Media.Started);
        Assert.Equal([(1, "welcome"), (2, "ask-account")], call.Media.Plays);

        call.PlayEnded(1);
        call.PlayEnded(2);
        call.Keys("1234");
        var digits = Assert.IsType<DigitsCollected>(call.Events[1].Event);
        Assert.Equal((2, CollectOutcome.Digits, "1234"), (digits.Seq, digits.Outcome, digits.Digits!.Reveal()));
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        call.Respond(200);

        Assert.Equal([typeof(CallOffered), typeof(DigitsCollected), typeof(CallEnded)], call.Events.Select(e => e.Event.GetType()));
        Assert.Equal(CallEndReason.FlowHungUp, ((CallEnded)call.Events[2].Event).Reason);
        Assert.Equal("mos=- loss=25.0%/2.0% jitter=3/4ms rtt=80ms", ((CallEnded)call.Events[2].Event).Media!.ToString());
        Assert.True(call.Media.Disposed);
        Assert.True(call.Leg!.IsDone);
        call.Advance(40);
        Assert.Equal((0, 0), (call.Agent.Calls, call.Agent.Transactions));
        Assert.Equal(["answered", "ended FlowHungUp"], call.Observed);
    }

    [Fact]
    public void The_callers_bye_ends_the_call_and_frees_media_while_a_reply_is_outstanding()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("menu")] : [] };
        call.Connect();
        call.PlayEnded();
        call.GrainIsSlow = true;
        call.Key('1');
        call.Request("BYE", 2);
        Assert.Equal(200, call.LastResponse.Status);
        Assert.True(call.Media.Disposed);
        Assert.False(call.Leg!.IsDone);
        call.GrainAnswers();
        Assert.Equal(CallEndReason.CallerHungUp, Assert.IsType<CallEnded>(call.Events[^1].Event).Reason);
        Assert.True(call.Leg.IsDone);
    }

    [Fact]
    public void A_rejected_call_gets_the_grains_status_and_frees_media()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Reject { Status = 486, RetryAfter = 7 }] : [] };
        call.Invite();
        Assert.Equal("100 486", Statuses(call));
        Assert.Equal("7", call.LastResponse.Headers.First("Retry-After"));
        Assert.True(call.Media.Disposed);
        Assert.IsType<CallEnded>(call.Events[^1].Event);
    }

    [Fact]
    public void Cancel_before_the_answer_gives_487_and_a_late_reply_changes_nothing()
    {
        var call = new VirtualCall { GrainIsSlow = true };
        call.Invite();
        call.Request("CANCEL", 1, branch: "invite", inDialog: false);
        Assert.Equal("100 200 487", string.Join(' ', call.Sent.OfType<SipResponse>().Select(r => r.Status)));
        Assert.True(call.Media.Disposed);
        call.GrainAnswers();
        Assert.Equal("100 200 487", Statuses(call));
        Assert.Equal(CallEndReason.Cancelled, Assert.IsType<CallEnded>(call.Events[^1].Event).Reason);
    }

    [Fact]
    public void Cancel_after_the_answer_changes_nothing()
    {
        var call = new VirtualCall();
        call.Invite();
        call.Request("CANCEL", 1, branch: "invite", inDialog: false);
        call.Ack();
        Assert.Equal("100 200 200", Statuses(call));
        Assert.False(call.Leg!.IsOver);
    }

    [Fact]
    public void A_secret_is_handed_over_as_a_secret_and_never_as_text()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("pin", 4, 4, bargeIn: false, secret: true)] : [] };
        call.Connect();
        call.Keys("99");
        call.PlayEnded();
        call.Keys("8642");
        var pin = call.Events[^1];
        Assert.Null(((DigitsCollected)pin.Event).Digits);
        Assert.Equal("pin", pin.Purpose);
        Assert.Equal("8642", Encoding.ASCII.GetString(pin.Digits!.Expose()));
        Assert.DoesNotContain("8642", pin.Digits.ToString());
        pin.Digits.Dispose();
    }

    [Fact]
    public void A_key_stops_a_prompt_with_barge_in_and_counts()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("long"), BargeIn = true }, Ask("menu")] : [] };
        call.Connect();
        call.Key('2');
        Assert.Equal(1, call.Media.Stops);
        Assert.Equal("2", ((DigitsCollected)call.Events[^1].Event).Digits!.Reveal());
    }

    [Fact]
    public void A_key_during_a_prompt_without_barge_in_is_discarded_and_the_prompt_goes_on()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("notice") }, Ask("menu")] : [] };
        call.Connect();
        call.Key('2');
        Assert.Equal(0, call.Media.Stops);
        Assert.Single(call.Events);
        call.PlayEnded(1);
        call.Key('3');
        Assert.Equal("3", ((DigitsCollected)call.Events[^1].Event).Digits!.Reveal());
    }

    [Fact]
    public void Keys_typed_while_the_grain_thinks_count_for_a_collect_with_barge_in_and_skip_its_prompt()
    {
        var call = TypedAhead(bargeIn: true);
        Assert.Equal(["ask-first"], call.Media.Plays.Select(play => play.Prompts));
        Assert.Equal("34", ((DigitsCollected)call.Events[2].Event).Digits!.Reveal());
    }

    [Fact]
    public void Keys_typed_while_the_grain_thinks_are_discarded_for_a_collect_without_barge_in()
    {
        var call = TypedAhead(bargeIn: false);
        Assert.Equal(["ask-first", "ask-second"], call.Media.Plays.Select(play => play.Prompts));
        Assert.Equal(2, call.Events.Count);
    }

    private static VirtualCall TypedAhead(bool bargeIn)
    {
        var call = new VirtualCall
        {
            Grain = e => e switch
            {
                CallOffered => [new Answer(), Ask("first")],
                DigitsCollected { Seq: 2 } => [Ask("second", 2, 2, bargeIn)],
                _ => [],
            },
        };
        call.Connect();
        call.PlayEnded();
        call.GrainIsSlow = true;
        call.Keys("134");
        call.GrainAnswers();
        return call;
    }

    [Fact]
    public void A_habitual_terminator_after_a_full_input_does_not_answer_the_next_question()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("pin", 4, 4)] : e.Seq == 2 ? [Ask("menu", terminator: null)] : [] };
        call.Connect();
        call.PlayEnded();
        call.Keys("1234#");
        Assert.Equal(2, call.Events.Count);
        call.Key('#');
        Assert.Equal(3, call.Events.Count);
    }

    [Fact]
    public void A_key_reported_by_rtp_and_by_info_counts_once_in_either_order()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n", 4, 4)] : [] };
        call.Connect();
        call.PlayEnded();
        call.Key('5');
        call.Info('5');
        call.Info('5');
        call.Key('5');
        call.Key('7');
        call.Advance(2.5);
        call.Info('7');
        Assert.Equal("5577", ((DigitsCollected)call.Events[^1].Event).Digits!.Reveal());
    }

    [Fact]
    public void A_key_reported_by_event_info_and_tone_counts_once()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n", 3, 3)] : [] };
        call.Connect();
        call.PlayEnded();
        call.Tone('4');
        call.Key('4');
        call.Info('4');
        call.Tone('4');
        call.Info('2');
        call.Tone('2');
        Assert.Equal("442", ((DigitsCollected)call.Events[^1].Event).Digits!.Reveal());
    }

    [Fact]
    public void No_key_within_the_first_digit_timeout_is_no_input_counted_from_the_prompts_end()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n")] : [] };
        call.Connect();
        call.Advance(30);
        Assert.Single(call.Events);
        call.PlayEnded();
        call.Advance(4.9);
        Assert.Single(call.Events);
        call.Advance(0.2);
        Assert.Equal(CollectOutcome.NoInput, ((DigitsCollected)call.Events[^1].Event).Outcome);
    }

    [Fact]
    public void A_transfer_waits_for_the_prompt_sends_refer_and_reports_the_notify()
    {
        var call = new VirtualCall { Grain = e => e switch { CallOffered => [new Answer(), new Play { Prompts = Prompts("hold-on") }, new Transfer { Target = "sip:agent@192.0.2.99" }], TransferEnded => [new HangUp()], _ => [] } };
        call.Connect();
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.PlayEnded();
        Assert.Equal("<sip:agent@192.0.2.99>", call.LastRequest.Headers.First("Refer-To"));
        call.Respond(202);
        Notify(call, 2, "SIP/2.0 100 Trying", "active;expires=60");
        Assert.Single(call.Events);
        Notify(call, 3, "SIP/2.0 200 OK", "terminated;reason=noresource");
        Assert.Equal(200, ((TransferEnded)call.Events[1].Event).Status);
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.Equal(CallEndReason.Transferred, ((CallEnded)call.Events[^1].Event).Reason);
    }

    [Fact]
    public void A_refused_transfer_reports_the_status_and_an_unreported_one_times_out()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered or TransferEnded { Status: 603 } ? [new Answer(), new Transfer { Target = "sip:agent@192.0.2.99" }] : [] };
        call.Connect();
        call.Respond(603);
        Assert.Equal(603, ((TransferEnded)call.Events[1].Event).Status);
        call.Respond(202);
        call.Advance(61);
        Assert.Equal(408, ((TransferEnded)call.Events[2].Event).Status);
    }

    [Fact]
    public void A_bye_during_a_transfer_counts_as_transferred()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Transfer { Target = "sip:agent@192.0.2.99" }] : [] };
        call.Connect();
        call.Respond(202);
        call.Request("BYE", 2);
        Assert.Equal(CallEndReason.Transferred, ((CallEnded)call.Events[^1].Event).Reason);
    }

    [Fact]
    public void When_the_cluster_is_gone_a_new_call_gets_503()
    {
        var call = new VirtualCall { Grain = _ => null };
        call.Invite();
        Assert.Equal("100 503", Statuses(call));
        Assert.True(call.Media.Disposed);
        Assert.True(call.Leg!.IsDone);
    }

    [Fact]
    public void When_the_cluster_is_gone_a_caller_hears_a_polite_prompt_and_then_bye()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n")] : null };
        call.Connect();
        call.PlayEnded();
        call.Key('1');
        Assert.Equal(CallLeg.ErrorPrompt, call.Media.Plays[^1].Prompts);
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.PlayEnded();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.Equal(CallEndReason.Failed, ((CallEnded)call.Events[^1].Event).Reason);
    }

    [Fact]
    public void A_prompt_whose_end_is_never_reported_does_not_hold_up_the_hang_up_for_ever()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("bye") }, new HangUp()] : [] };
        call.Connect();
        call.Advance(119);
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.Advance(2);
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
    }

    [Fact]
    public void A_farewell_of_minutes_is_heard_to_its_end()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("terms") }, new HangUp()] : [] };
        call.Media.IsPlaying = true;
        call.Connect();
        call.Advance(600);
        Assert.Empty(call.Sent.OfType<SipRequest>());
        call.PlayEnded();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
    }

    [Fact]
    public void A_farewell_without_end_is_cut_after_half_an_hour()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("terms") }, new HangUp()] : [] };
        call.Media.IsPlaying = true;
        call.Connect();
        call.Advance(16 * 120 - 1);
        Assert.DoesNotContain(call.Sent.OfType<SipRequest>(), request => request.Method == SipMethods.Bye);
        call.Advance(2);
        Assert.Equal((SipMethods.Bye, CallEndReason.FlowHungUp), (call.LastRequest.Method, call.Leg!.EndReason));
    }

    [Fact]
    public void Silence_on_the_media_path_ends_the_call()
    {
        var call = new VirtualCall().Connect();
        call.TimedOut();
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.Equal(CallEndReason.MediaTimeout, ((CallEnded)call.Events[^1].Event).Reason);
    }

    [Fact]
    public void An_operators_order_stops_what_plays_and_ends_the_call()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n")] : [] };
        call.Connect();
        call.HangUp(CallEndReason.OperatorHungUp);
        Assert.Equal(SipMethods.Bye, call.LastRequest.Method);
        Assert.True(call.Media.Disposed);
    }

    [Fact]
    public void Re_invites_are_answered_from_media_and_a_refused_one_leaves_the_call()
    {
        var call = new VirtualCall().Connect();
        call.Request("INVITE", 2, "v=hold\r\n", extra: "Content-Type: application/sdp\r\n");
        Assert.Equal((200, "v=1\r\n"), (call.LastResponse.Status, Encoding.ASCII.GetString(call.LastResponse.Body.Span)));
        call.Ack(2);
        call.Media.RefuseOffersWith = 488;
        call.Request("INVITE", 3, "v=bad\r\n", extra: "Content-Type: application/sdp\r\n");
        Assert.Equal(488, call.LastResponse.Status);
        Assert.Equal(["v=hold\r\n", "v=bad\r\n"], call.Media.Offers);
        Assert.False(call.Leg!.IsOver);
    }

    [Fact]
    public void An_invite_without_an_offer_gets_one_and_the_ack_carries_the_answer()
    {
        var call = new VirtualCall();
        call.Invite(body: "");
        Assert.Equal("application/sdp", call.LastResponse.Headers.First("Content-Type"));
        call.Request("ACK", 1, "v=answer\r\n", extra: "Content-Type: application/sdp\r\n");
        Assert.Equal(["v=answer\r\n"], call.Media.Offers);
    }

    [Fact]
    public void The_time_from_the_last_key_to_the_next_prompt_is_measured()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("n", 2, 2)] : e.Seq == 2 ? [Ask("m")] : [] };
        call.Connect();
        call.PlayEnded();
        call.Keys("12");
        call.PlayStarted(2, call.Now + TimeSpan.FromMilliseconds(25).Ticks);
        Assert.Contains("prompt after 25 ms", call.Observed);
    }

    [Fact]
    public void A_key_that_stops_a_prompt_is_no_digit_of_a_later_collect_without_barge_in()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), new Play { Prompts = Prompts("welcome"), BargeIn = true }, Ask("pin", 4, 4, bargeIn: false, secret: true)] : [] };
        call.Connect();
        call.Key('1');
        Assert.Equal("ask-pin", call.Media.Plays[^1].Prompts);
        call.Advance(60);
        Assert.Single(call.Events);
        call.PlayEnded();
        call.Keys("8642");
        using var pin = call.Events[^1].Digits!;
        Assert.Equal("8642", Encoding.ASCII.GetString(pin.Expose()));
    }

    [Fact]
    public void The_sdp_with_our_srtp_key_is_zeroed_once_it_was_sent()
    {
        var call = new VirtualCall();
        call.Invite();
        Assert.Equal("v=0\r\n", Encoding.ASCII.GetString(call.LastResponse.Body.Span));
        Assert.All(call.Sdp, b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_pressed_key_is_not_remembered_beyond_the_window_in_which_it_may_be_reported_again()
    {
        var call = new VirtualCall { Grain = e => e is CallOffered ? [new Answer(), Ask("pin", 1, 1, secret: true)] : [] };
        call.Connect();
        call.Key('8');
        Assert.NotEqual(IvrActors.Edge.Sip.Transactions.SipTimes.Never, call.Leg!.NextDeadline);
        call.Advance(11); // 8 s that it may be held, and 2 s.
        Assert.Equal(IvrActors.Edge.Sip.Transactions.SipTimes.Never, call.Leg.NextDeadline);
        call.Events[^1].Digits!.Dispose();
    }
}
