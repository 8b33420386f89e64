using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

public class InterpreterTests
{
    private const string Menu = "main-menu ?";

    private static FlowStory Bank() => new(FlowTexts.Valid(FlowTexts.Bank));

    [Fact]
    public void A_caller_proves_who_they_are_and_hears_their_balance() => Bank()
        .Start().Hears("welcome enter-account-number ?")
        .Keys("10000001").Hears("enter-pin ?")
        .Secret().Hears("")
        .Checked(FactorOutcome.Accepted, FactorKind.Pin).Hears("enter-code ?")
        .Secret().Hears("")
        .Checked(FactorOutcome.Accepted, FactorKind.Pin, FactorKind.Totp).Hears("")
        .Facts(FlowStory.SomeFacts).Hears(Menu)
        .Keys("1").Hears("your-balance-is number/1 number/thousand number/2 number/hundred and number/30 number/4 currency/euros and number/50 currency/cents " + Menu)
        .Keys("2").Hears("last-transactions on month/11 ordinal/20 debit number/2 currency/euros and number/50 currency/cents on month/11 ordinal/1 credit number/1 currency/euro " + Menu)
        .Keys("9").Hears("goodbye .");

    [Fact]
    public void The_attempt_carries_account_secret_purpose_and_the_number_of_its_event()
    {
        var story = Bank().Start().Keys("10000001").Secret(7);
        var pin = Assert.IsType<VerifyFactor>(story.Effect);
        Assert.Equal((FactorKind.Pin, "10000001", "factor:pin", 3, 7), (pin.Factor, pin.Account.Reveal(), pin.Purpose, pin.Secret.Seq, pin.Secret.Sealed.Ciphertext[0]));
        Assert.Null(pin.Before);

        var code = Assert.IsType<VerifyFactor>(story.Checked(FactorOutcome.Accepted, FactorKind.Pin).Secret(8).Effect);
        Assert.Equal((FactorKind.Totp, "factor:totp", 4), (code.Factor, code.Purpose, code.Secret.Seq));
        Assert.Equal([FactorKind.Pin], code.Before!.Factors);
    }

    [Fact]
    public void A_secret_is_gone_as_soon_as_it_was_used() => Assert.Empty(Bank().Start().Keys("10000001").Secret().State.Secrets);

    [Fact]
    public void Nothing_personal_is_left_when_the_call_was_told_to_end()
    {
        var state = Bank().ToMenu().Keys("9").State;
        Assert.Equal(FlowWait.End, state.Waiting);
        Assert.Empty(state.Variables);
        Assert.Empty(state.Secrets);
        Assert.Null(state.Proof);
        Assert.Null(state.Facts);
    }

    [Fact]
    public void A_wrong_PIN_is_asked_for_again_and_the_third_ends_the_call() => Bank()
        .Start().Keys("10000001")
        .Secret().Checked(FactorOutcome.Refused).Hears("enter-pin-again ?")
        .Secret().Checked(FactorOutcome.Refused).Hears("enter-pin-again ?")
        .Secret().Checked(FactorOutcome.Refused).Hears("too-many-attempts .");

    [Fact]
    public void A_locked_caller_hears_what_a_wrong_PIN_hears()
    {
        var locked = Bank().Start().Keys("10000001");
        var wrong = Bank().Start().Keys("10000001");
        for (var attempt = 0; attempt < 3; attempt++)
            Assert.Equal(wrong.Secret().Checked(FactorOutcome.Refused).Heard, locked.Secret().Checked(FactorOutcome.Locked).Heard);
        Assert.EndsWith(".", locked.Heard, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flow_may_tell_the_lock_by_a_way_of_its_own() =>
        new FlowStory(FlowTexts.Valid(FlowTexts.Bank.Replace("reached: load", "reached: load, locked: goodbye", StringComparison.Ordinal)))
            .Start().Keys("10000001").Secret().Checked(FactorOutcome.Locked).Hears("goodbye .");

    [Fact]
    public void A_factor_that_cannot_be_checked_ends_politely() => Bank().Start().Keys("10000001").Secret().Checked(FactorOutcome.Unavailable).Hears("error-polite .");

    [Fact]
    public void Accepted_without_a_proof_is_not_accepted() =>
        Bank().Start().Keys("10000001").Secret().Give(new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Accepted } }).Hears("error-polite .");

    [Fact]
    public void No_input_is_asked_again_until_the_attempts_are_used() => Bank()
        .Start()
        .NoInput().Hears("sorry-no-input enter-account-number ?")
        .TooFew().Hears("sorry-no-match enter-account-number ?")
        .NoInput().Hears("too-many-attempts .");

    [Fact]
    public void Attempts_are_counted_anew_at_each_visit() => Bank()
        .ToMenu().NoInput().NoInput().Hears("sorry-no-input " + Menu)
        .Keys("1").NoInput().Hears("sorry-no-input " + Menu)
        .NoInput().Hears("sorry-no-input " + Menu)
        .NoInput().Hears("goodbye .");

    [Theory]
    [InlineData("4")]
    [InlineData("#")]
    [InlineData("A")]
    public void A_key_that_is_no_choice_is_no_match(string key) => Bank().ToMenu().Keys(key).Hears("sorry-no-match " + Menu);

    [Theory]
    [InlineData("1000000")]
    [InlineData("100000011")]
    [InlineData("1000000*")]
    public void Digits_that_do_not_fit_are_no_match_whatever_the_edge_says(string digits) => Bank().Start().Keys(digits).Hears("sorry-no-match enter-account-number ?");

    [Fact]
    public void A_secret_that_comes_in_clear_is_not_taken() => Bank().Start().Keys("10000001").Keys("1234").Hears("sorry-no-match enter-pin ?");

    [Fact]
    public void A_menu_can_be_interrupted_and_takes_one_key_at_once()
    {
        var collect = Assert.IsType<Collect>(Bank().ToMenu().Commands[^1]);
        Assert.Equal((1, 1, true, false, null), (collect.MinDigits, collect.MaxDigits, collect.BargeIn, collect.Secret, collect.Terminator));
        Assert.True(Assert.IsType<Play>(Bank().ToMenu().Keys("1").Commands[0]).BargeIn);
    }

    [Fact]
    public void A_collect_carries_what_the_document_says()
    {
        var account = Assert.IsType<Collect>(Bank().Start().Commands[^1]);
        Assert.Equal(("account", 8, 8, '#', false), (account.Name, account.MinDigits, account.MaxDigits, account.Terminator, account.Secret));
        var pin = Assert.IsType<Collect>(Bank().Start().Keys("10000001").Commands[^1]);
        Assert.Equal(("factor:pin", 4, 8, '#', true), (pin.Name, pin.MinDigits, pin.MaxDigits, pin.Terminator, pin.Secret));
    }

    [Fact]
    public void A_transfer_that_succeeds_ends_the_call() => Bank().ToMenu().Keys("0").Hears("transferring -> agent").Transferred(200).Hears(".");

    [Theory]
    [InlineData(408)]
    [InlineData(486)]
    [InlineData(603)]
    public void A_transfer_that_fails_comes_back_to_the_menu(int status) => Bank().ToMenu().Keys("0").Transferred(status).Hears("transfer-failed " + Menu);

    [Fact]
    public void Facts_that_cannot_be_read_or_spoken_end_politely()
    {
        Bank().ToMenu(new CallerFacts()).Hears("error-polite .");
        Bank().ToMenu(new CallerFacts { Amounts = { ["balance"] = new Money { Minor = 1, Currency = "JPY" } } }).Hears("error-polite .");
        var story = Bank().Start().Keys("10000001").Secret().Checked(FactorOutcome.Accepted, FactorKind.Pin).Secret().Checked(FactorOutcome.Accepted, FactorKind.Pin, FactorKind.Totp);
        story.Facts(null).Hears("error-polite .");
    }

    [Fact]
    public void A_proof_that_does_not_come_to_it_fetches_nothing_whatever_was_said_of_it()
    {
        var story = Bank().Start().Keys("10000001").Secret().Give(new FactorChecked
        {
            Result = new FactorResult { Outcome = FactorOutcome.Accepted, Proof = FlowStory.Proof(FactorKind.Pin, FactorKind.Attestation), Reached = Assurance.High },
        });
        Assert.Null(story.Hears("error-polite .").Effect);
    }

    [Fact]
    public void No_transactions_are_told() =>
        Bank().ToMenu(new CallerFacts { Amounts = { ["balance"] = new Money { Minor = 0, Currency = "EUR" } } }).Keys("2").Hears("no-transactions " + Menu);

    [Fact]
    public void An_input_that_is_not_waited_for_changes_nothing()
    {
        var story = Bank().Start();
        foreach (var input in new FlowInput[] { new FlowStarted(), new TransferFinished { Status = 200 }, new FactsFetched { Facts = FlowStory.SomeFacts }, new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Accepted, Proof = FlowStory.Proof(FactorKind.Pin) } } })
        {
            story.Give(input).Hears("");
            Assert.Equal("ask_account", story.State.Step);
            Assert.Null(story.State.Proof);
        }
        story.ToMenu().Keys("9").Keys("1").Hears("");
    }

    [Fact]
    public void A_step_leaves_the_state_that_it_was_given_as_it_was()
    {
        var document = FlowTexts.Valid(FlowTexts.Bank);
        var state = Interpreter.Step(document, new FlowState(), new FlowStarted()).State;
        Interpreter.Step(document, state, new DigitsEntered { Outcome = CollectOutcome.Digits, Digits = new("10000001"), Seq = 2 });
        Assert.Equal("ask_account", state.Step);
        Assert.Empty(state.Variables);
    }

    [Fact]
    public void Even_an_endless_document_that_nobody_checked_ends()
    {
        var document = FlowParser.Parse("f", "flow: f\nlanguage: en\nstart: a\nsteps:\n  a: { play: [welcome], next: b }\n  b: { play: [welcome], next: a }\n").Document!;
        var story = new FlowStory(document).Start();
        Assert.EndsWith("error-polite .", story.Heard, StringComparison.Ordinal);
        Assert.Equal(Interpreter.MostStepsPerInput, story.Entered.Count);
    }

    [Theory]
    [InlineData("  a: { play: [{ amount: facts.balance }], next: a }")]
    [InlineData("  a: { play: [{ digits: x }], next: a }")]
    [InlineData("  a: { fetch: facts, assurance: low, on: { next: a, unavailable: a } }")]
    [InlineData("  a: { authenticate: x, assurance: low, on: { reached: a, exhausted: a, unreachable: a, unavailable: a } }")]
    [InlineData("  a: { set_pin: true, on: { changed: a, failed: a, refused: a, unavailable: a } }")]
    [InlineData("  a: { verify: pin, account: x, with: y, on: { accepted: a, refused: a, exhausted: a, unavailable: a } }")]
    [InlineData("  a: { play: [welcome], next: gone }")]
    public void A_document_that_nobody_checked_fails_closed(string step) =>
        Assert.EndsWith("error-polite .", new FlowStory(FlowParser.Parse("f", "flow: f\nlanguage: en\nstart: a\nsteps:\n" + step).Document!).Start().Heard, StringComparison.Ordinal);

    [Fact]
    public void A_new_account_ends_what_was_proved_for_the_old_one()
    {
        var again = FlowTexts.Bank.Replace("\"9\": goodbye }", "\"9\": goodbye, \"5\": ask_account }", StringComparison.Ordinal);
        var story = new FlowStory(FlowTexts.Valid(again)).ToMenu().Keys("5").Hears("enter-account-number ?");
        Assert.Null(story.State.Proof);
        Assert.Null(story.State.Facts);
    }

    [Fact]
    public void The_digits_of_a_plain_variable_can_be_said_back()
    {
        var document = FlowTexts.Valid("""
            flow: echo
            language: en
            start: ask
            steps:
              ask:
                collect: number
                prompt: [{ say: one two }]
                digits: { min: 1, max: 4 }
                secret: false
                no_input: [sorry-no-input]
                no_match: [sorry-no-match]
                on: { next: echo, failed: bye }
              echo: { play: [{ digits: number }], barge_in: false, next: bye }
              bye: { hang_up: true }
            """);
        new FlowStory(document).Start().Hears("\"one two\" ?").Keys("407").Hears("digit/4 digit/0 digit/7 .");
    }
}
