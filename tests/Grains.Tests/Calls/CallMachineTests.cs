using CsCheck;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Tests.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Calls;

public class CallMachineTests
{
    private static readonly FlowDocument s_bank = FlowTexts.Valid(FlowTexts.Bank);

    [Fact]
    public void The_first_event_must_be_an_offer_with_number_one()
    {
        Assert.IsType<AdmitTurn>(CallMachine.Receive(new CallState(), GrainWorld.Offered()));
        Assert.IsType<LostTurn>(CallMachine.Receive(new CallState(), GrainWorld.Keys(1, "1")));
        Assert.IsType<LostTurn>(CallMachine.Receive(Started(), Offer(2)));
    }

    [Fact]
    public void The_end_is_believed_whatever_number_it_has()
    {
        Assert.Equal(CallEndReason.Cancelled, Assert.IsType<EndTurn>(CallMachine.Receive(Started(), new CallEnded { Seq = 9, Reason = CallEndReason.Cancelled })).Ended.Reason);
        Assert.Empty(Assert.IsType<AnswerTurn>(CallMachine.Receive(new CallState(), new CallEnded { Seq = 9, Reason = CallEndReason.Cancelled })).Reply.Commands);
    }

    [Fact]
    public void Commands_before_and_after_an_effect_come_in_one_answer_in_order()
    {
        var document = FlowTexts.Valid("""
            flow: bank
            language: en
            start: account
            steps:
              account: { collect: account, digits: 8, secret: false, prompt: [enter-account-number], no_input: [sorry-no-input], no_match: [sorry-no-match], on: { next: pin, failed: bye } }
              pin: { collect: pin, digits: 4, secret: true, prompt: [enter-pin], no_input: [sorry-no-input], no_match: [sorry-no-match], on: { next: wait, failed: bye } }
              wait: { play: [transferring], next: check }
              check: { verify: pin, account: account, with: pin, on: { accepted: bye, refused: pin, exhausted: bye, unavailable: bye } }
              bye: { hang_up: true }
            """);
        var progress = CallMachine.Start(GrainWorld.Offered(), GrainWorld.From, "unknown", document);
        var state = CallMachine.Close(progress, 1);
        state = CallMachine.Close(CallMachine.Resume(document, state, Digits("10000001")), 2);
        progress = CallMachine.Resume(document, state, new DigitsEntered { Outcome = CollectOutcome.Digits, Sealed = FlowStory.Sealed(1), Seq = 3 });
        Assert.IsType<VerifyFactor>(progress.Effect);
        progress = CallMachine.Continue(document, progress, new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Refused } });
        Assert.Null(progress.Effect);
        Assert.Equal([typeof(Play), typeof(Collect)], progress.Commands.Select(c => c.GetType()));
        Assert.Equal(["play", "verify", "collect"], progress.Entered);
    }

    [Fact]
    public void Effects_of_one_event_are_bounded_even_for_a_document_that_nobody_checked()
    {
        var text = "flow: f\nlanguage: en\nstart: a\nsteps:\n  a: { fetch: facts, assurance: low, on: { next: a, unavailable: a } }";
        var document = FlowParser.Parse("f", text).Document!;
        var state = new CallState { Position = new FlowState { Step = "a", Waiting = FlowWait.Facts, Proof = FlowStory.Proof(FactorKind.Pin) } };
        var progress = CallMachine.Resume(document, state, new FactsFetched { Facts = null });
        var effects = 0;
        while (progress.Effect is not null)
        {
            effects++;
            progress = CallMachine.Continue(document, progress, new FactsFetched { Facts = null });
        }
        Assert.InRange(effects, 1, CallMachine.MostEffectsPerEvent + 1);
        Assert.IsType<HangUp>(progress.Commands[^1]);
    }

    /// <summary>Whatever an edge sends, in whatever order, each event is answered, the number never goes back, and a repeat changes nothing.</summary>
    [Fact]
    public void Any_sequence_of_events_is_answered_and_a_repeat_is_harmless() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 6]).Array[1, 30].Sample(script =>
        {
            var state = Started();
            foreach (var (step, kind) in script)
            {
                var callEvent = Event(state.LastSeq + step - 1, kind);
                var before = state;
                state = Handled(state, callEvent, out var reply);
                Assert.True(reply is null || reply.Seq == callEvent.Seq);
                Assert.True(state.LastSeq >= before.LastSeq);
                if (callEvent.Seq != state.LastSeq) continue;
                Assert.Same(state, Handled(state, callEvent, out var again));
                Assert.Same(state.LastReply, again);
            }
        }, iter: 2_000);

    private static CallState Handled(CallState state, CallEvent callEvent, out CallReply? reply)
    {
        reply = null;
        switch (CallMachine.Receive(state, callEvent))
        {
            case AnswerTurn turn:
                reply = turn.Reply;
                return state;
            case FlowTurn turn:
                var progress = CallMachine.Resume(s_bank, state, turn.Input);
                while (progress.Effect is { } effect)
                {
                    progress = CallMachine.Continue(s_bank, progress, effect is VerifyFactor
                        ? new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Accepted, Proof = FlowStory.Proof(FactorKind.Pin, FactorKind.Totp) } }
                        : new FactsFetched { Facts = FlowStory.SomeFacts });
                }
                var next = CallMachine.Close(progress, callEvent.Seq);
                reply = next.LastReply;
                return next;
            default:
                return state;
        }
    }

    private static CallEvent Event(int seq, int kind) => kind switch
    {
        0 => Offer(seq),
        1 => GrainWorld.Keys(seq, "10000001"),
        2 => GrainWorld.Secret(seq),
        3 => GrainWorld.Keys(seq, "1"),
        4 => new DigitsCollected { Seq = seq, Outcome = CollectOutcome.NoInput },
        5 => new TransferEnded { Seq = seq, Status = 486 },
        _ => GrainWorld.Keys(seq, "0"),
    };

    private static CallOffered Offer(int seq)
    {
        var offered = GrainWorld.Offered();
        return new CallOffered
        {
            Seq = seq,
            Edge = offered.Edge,
            Tenant = offered.Tenant,
            Trunk = offered.Trunk,
            Called = offered.Called,
            Origin = offered.Origin,
            Encrypted = false,
            SourceAddress = offered.SourceAddress,
        };
    }

    private static DigitsEntered Digits(string digits) => new() { Outcome = CollectOutcome.Digits, Digits = new(digits), Seq = 2 };

    private static CallState Started() => CallMachine.Close(CallMachine.Start(GrainWorld.Offered(), GrainWorld.From, "unknown", s_bank), 1);
}
