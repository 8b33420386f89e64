using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>The steps that ask who is calling, as a caller hears them.</summary>
public sealed class AuthenticateFlowTests
{
    private const string Star = " press-star-for-another ?";

    private const string Ask = "prompt: [enter-account-number], no_input: [sorry-no-input], no_match: [sorry-no-match]";

    private static string Flow(string exits = "", string assurance = "high", string more = "") => $$"""
        flow: sign-in
        language: en
        start: account
        steps:
          account: { collect: account, digits: 8, secret: false, {{Ask}}, on: { next: sign_in, failed: bye } }
          sign_in: { authenticate: account, assurance: {{assurance}}{{more}}, on: { reached: in, exhausted: many, unreachable: cannot, unavailable: trouble{{exits}} } }
          in: { menu: [main-menu], choices: { "1": step_up, "3": pin, "7": expired, "8": locked }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }
          step_up: { authenticate: account, assurance: high, on: { reached: in, exhausted: many, unreachable: cannot, unavailable: trouble } }
          pin: { set_pin: true, on: { changed: in, failed: many, refused: cannot, unavailable: trouble } }
          expired: { play: [must-change-pin], next: new_pin }
          new_pin: { set_pin: true, on: { changed: sign_in, failed: many, refused: cannot, unavailable: trouble } }
          many: { hang_up: true, play: [too-many-attempts] }
          cannot: { hang_up: true, play: [cannot-confirm] }
          trouble: { hang_up: true, play: [error-polite] }
          locked: { hang_up: true, play: [transfer-failed] }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private static FlowStory Story(string exits = ", must_change: expired, locked: locked", string assurance = "high", string more = "") =>
        new FlowStory(FlowTexts.Valid(Flow(exits, assurance, more))).Start().Keys("10000001");

    private static FactorKind[] Kinds(params FactorKind[] kinds) => kinds;

    [Fact]
    public void The_PIN_comes_first_and_then_what_the_account_has()
    {
        var story = Story().Hears("enter-pin ?");
        var asked = Assert.IsType<Collect>(story.Commands[^1]);
        Assert.Equal(("factor:pin", 4, 8, true, null), (asked.Name, asked.MinDigits, asked.MaxDigits, asked.Secret, asked.Skip));
        var check = Assert.IsType<VerifyFactor>(story.Secret().Effect);
        Assert.Equal((FactorKind.Pin, Assurance.High, "factor:pin"), (check.Factor, check.Wanted, check.Purpose));

        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Hotp).Hears("enter-token-code ?");
        var code = Assert.IsType<Collect>(story.Commands[^1]);
        Assert.Equal(("factor:hotp", 6, 6, true, '*'), (code.Name, code.MinDigits, code.MaxDigits, code.Secret, code.Skip));
        Assert.Equal([FactorKind.Pin], Assert.IsType<VerifyFactor>(story.Secret().Effect).Before!.Factors);
        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin, FactorKind.Hotp)).Hears("main-menu ?");
    }

    [Fact]
    public void Where_the_PIN_is_enough_nothing_else_is_asked_for() =>
        Story(assurance: "low").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Hears("main-menu ?");

    [Fact]
    public void Unknown_wrong_and_locked_are_asked_alike()
    {
        var wrong = Story(exits: ", must_change: expired").Secret();
        var locked = Story(exits: ", must_change: expired").Secret();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal("enter-pin-again ?", wrong.Checked(FactorOutcome.Refused).Heard);
            Assert.Equal("enter-pin-again ?", locked.Checked(FactorOutcome.Locked).Heard);
            (wrong, locked) = (wrong.Secret(), locked.Secret());
        }
        Assert.Equal("too-many-attempts .", wrong.Checked(FactorOutcome.Refused).Heard);
        Assert.Equal("too-many-attempts .", locked.Checked(FactorOutcome.Locked).Heard);
    }

    [Fact]
    public void A_lock_is_told_only_where_the_flow_has_a_way_for_it() => Story().Secret().Checked(FactorOutcome.Locked).Hears("transfer-failed .");

    [Fact]
    public void Wrong_answers_are_counted_for_each_factor()
    {
        var story = Story();
        for (var i = 0; i < 2; i++) story.Secret().Checked(FactorOutcome.Refused).Hears("enter-pin-again ?");
        story.Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Totp).Hears("enter-code ?");
        for (var i = 0; i < 2; i++) story.Secret().Checked(FactorOutcome.Refused).Hears("enter-code-again ?");
        Assert.Equal(TimeSpan.FromSeconds(35), Assert.IsType<Collect>(story.Commands[^1]).FirstDigitTimeout);
        story.Secret().Checked(FactorOutcome.Refused).Hears("too-many-attempts .");
    }

    [Fact]
    public void Silence_and_too_few_keys_are_asked_again_and_then_given_up()
    {
        Story().NoInput().Hears("sorry-no-input enter-pin ?").TooFew().Hears("sorry-no-match enter-pin ?").NoInput().Hears("too-many-attempts .");
        Story(exits: ", failed: bye").NoInput().NoInput().NoInput().Hears("goodbye .");
        Story().Secret().Checked(FactorOutcome.Refused).NoInput().Hears("sorry-no-input enter-pin-again ?");
    }

    [Fact]
    public void Digits_in_clear_and_a_skipped_PIN_are_no_answers()
    {
        Story().Keys("4711").Hears("sorry-no-match enter-pin ?");
        Assert.Null(Story().Skipped().Hears("sorry-no-match enter-pin ?").Effect);
    }

    [Fact]
    public void A_star_goes_on_to_the_next_factor_that_would_do_and_a_code_is_sent_before_it_is_asked_for()
    {
        var story = Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Totp, FactorKind.SentCode, FactorKind.RecoveryCode).Hears("enter-code" + Star);
        Assert.Equal(FactorKind.SentCode, Assert.IsType<BeginFactor>(story.Skipped().Hears("").Effect).Factor);
        story.Sent().Hears("enter-sent-code" + Star);
        // A wrong one is asked for again: the code that was sent still counts.
        story.Secret().Checked(FactorOutcome.Refused).Hears("enter-sent-code-again" + Star);
        Assert.Null(story.Skipped().Hears("enter-recovery-code ?").Effect);
        story.Skipped().Hears("cannot-confirm .");
    }

    [Theory]
    [InlineData(BeginOutcome.Limited)]
    [InlineData(BeginOutcome.Unavailable)]
    public void A_code_that_cannot_be_sent_gives_way_to_the_next_factor(BeginOutcome outcome)
    {
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.SentCode, FactorKind.RecoveryCode).Sent(outcome).Hears("enter-recovery-code ?");
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.SentCode).Sent(outcome).Hears("error-polite .");
    }

    [Fact]
    public void A_device_is_asked_after_a_right_PIN_and_the_caller_keys_in_the_four_digits_that_it_shows()
    {
        var story = Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Device).Hears("");
        var question = Assert.IsType<BeginFactor>(story.Effect);
        Assert.Equal(FactorKind.Device, question.Factor);
        Assert.Equal([FactorKind.Pin], question.Proof.Factors);

        var asked = Assert.IsType<Collect>(story.Sent().Hears("enter-device-number ?").Commands[^1]);
        Assert.Equal(("factor:device", 4, 4, true, '*'), (asked.Name, asked.MinDigits, asked.MaxDigits, asked.Secret, asked.Skip));
        Assert.Equal(TimeSpan.FromSeconds(60), asked.FirstDigitTimeout);

        // A wrong number is asked for again: the approval still counts.
        story.Secret(1).Checked(FactorOutcome.Refused).Hears("enter-device-number-again ?");
        var check = Assert.IsType<VerifyFactor>(story.Secret(2).Effect);
        Assert.Equal((FactorKind.Device, "factor:device", 2), (check.Factor, check.Purpose, check.Secret.Sealed.Ciphertext[0]));
        Assert.Equal([FactorKind.Pin], check.Before!.Factors);
        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin, FactorKind.Device)).Hears("main-menu ?");
    }

    [Fact]
    public void A_star_leaves_the_device_out() =>
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Device, FactorKind.Totp).Sent().Hears("enter-device-number" + Star).Skipped().Hears("enter-code ?");

    [Theory]
    [InlineData(BeginOutcome.Limited)]
    [InlineData(BeginOutcome.Unavailable)]
    public void A_device_that_cannot_be_asked_gives_way_to_the_next_factor(BeginOutcome outcome)
    {
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Device, FactorKind.Totp).Sent(outcome).Hears("enter-code ?");
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Device).Sent(outcome).Hears("error-polite .");
    }

    [Fact]
    public void How_a_device_is_asked_for_can_be_the_flows_own()
    {
        var story = Story(more: ", device: { prompt: [welcome], first_digit_timeout: 20s }").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Device).Sent().Hears("welcome ?");
        Assert.Equal(TimeSpan.FromSeconds(20), Assert.IsType<Collect>(story.Commands[^1]).FirstDigitTimeout);
    }

    [Fact]
    public void What_a_telephone_cannot_ask_for_is_left_out() =>
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.CallBack, FactorKind.Totp).Hears("enter-code ?");

    [Fact]
    public void Who_has_nothing_that_would_do_is_told_so_after_the_PIN_only() =>
        Story().Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Hears("cannot-confirm .");

    [Fact]
    public void What_cannot_be_checked_ends_politely() => Story().Secret().Checked(FactorOutcome.Unavailable).Hears("error-polite .");

    [Fact]
    public void A_step_up_asks_for_what_is_missing_and_not_for_the_PIN_again()
    {
        var story = Story(assurance: "low").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Keys("1").Hears("");
        Assert.Equal(Assurance.High, Assert.IsType<AssessProof>(story.Effect).Wanted);
        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Totp).Hears("enter-code ?");
        story.Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin, FactorKind.Totp)).Hears("main-menu ?");
        Assert.IsType<AssessProof>(story.Keys("1").Effect);
        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin, FactorKind.Totp)).Hears("main-menu ?");
    }

    [Fact]
    public void A_proof_that_holds_no_more_begins_again_with_the_PIN()
    {
        var story = Story(assurance: "low").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Keys("1").Checked(FactorOutcome.Refused).Hears("enter-pin ?");
        Assert.Null(story.State.Proof);
        Assert.Empty(story.State.Refusals);
    }

    [Fact]
    public void An_expired_PIN_is_replaced_and_then_the_rest_is_asked_for()
    {
        var expired = new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Accepted, Proof = FlowStory.Proof(FactorKind.Pin), MustChange = true } };
        var story = Story().Secret().Give(expired).Hears("must-change-pin enter-new-pin ?");
        story.Secret(1).Hears("repeat-new-pin ?").Secret(2);
        var change = Assert.IsType<ChangePin>(story.Effect);
        Assert.Equal((1, 2, "pin:new", "pin:repeated"), (change.First.Sealed.Ciphertext[0], change.Second.Sealed.Ciphertext[0], change.FirstPurpose, change.SecondPurpose));
        Assert.Empty(story.State.Secrets);
        story.PinIs(PinChangeOutcome.Changed, FactorKind.Pin);
        Assert.IsType<AssessProof>(story.Effect);
        story.Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Totp).Hears("enter-code ?");

        Story(exits: "").Secret().Give(expired).Hears("cannot-confirm .");
    }

    [Fact]
    public void A_new_PIN_is_asked_for_again_with_the_reason_and_then_given_up()
    {
        var story = Story(assurance: "low").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Keys("3").Hears("enter-new-pin ?");
        story.NoInput().Hears("sorry-no-input enter-new-pin ?").Secret().Hears("repeat-new-pin ?").TooFew().Hears("sorry-no-match repeat-new-pin ?");
        story.Secret().PinIs(PinChangeOutcome.Different).Hears("pins-differ enter-new-pin ?");
        story.Secret().Secret().PinIs(PinChangeOutcome.Weak).Hears("pin-too-easy enter-new-pin ?");
        story.Secret().Secret().PinIs(PinChangeOutcome.Weak).Hears("too-many-attempts .");
        Assert.Empty(story.State.Secrets);
    }

    [Fact]
    public void A_change_that_is_refused_or_fails_has_its_ways_out()
    {
        FlowStory Asked() => Story(assurance: "low").Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin)).Keys("3").Secret().Secret();
        Asked().PinIs(PinChangeOutcome.Refused).Hears("cannot-confirm .");
        Asked().PinIs(PinChangeOutcome.Unavailable).Hears("error-polite .");
        Asked().PinIs(PinChangeOutcome.Changed, FactorKind.Pin).Hears("main-menu ?");
    }

    [Fact]
    public void Prompts_and_times_can_be_the_flows_own()
    {
        var story = Story(more: ", attempts: 2, pin: { prompt: [welcome], again: [goodbye] }, totp: { first_digit_timeout: 20s }").Hears("welcome ?").Secret().Checked(FactorOutcome.Refused).Hears("goodbye ?");
        story.Secret().Answered(FactorOutcome.Accepted, Kinds(FactorKind.Pin), FactorKind.Totp);
        Assert.Equal(TimeSpan.FromSeconds(20), Assert.IsType<Collect>(story.Commands[^1]).FirstDigitTimeout);
        Story(more: ", attempts: 1").Secret().Checked(FactorOutcome.Refused).Hears("too-many-attempts .");
    }

    [Theory]
    [InlineData(Attestation.A, "welcome .")]
    [InlineData(Attestation.Failed, "goodbye .")]
    [InlineData(Attestation.B, "main-menu .")]
    [InlineData(Attestation.None, "main-menu .")]
    public void A_branch_follows_the_verdict_on_the_number(Attestation attestation, string heard)
    {
        var document = FlowTexts.Valid("""
            flow: by-number
            language: en
            start: number
            steps:
              number: { branch: attestation, choices: { A: known, failed: forged }, otherwise: others }
              known: { hang_up: true, play: [welcome] }
              forged: { hang_up: true, play: [goodbye] }
              others: { hang_up: true, play: [main-menu] }
            """);
        new FlowStory(document).Give(new FlowStarted { Attestation = attestation }).Hears(heard);
    }
}
