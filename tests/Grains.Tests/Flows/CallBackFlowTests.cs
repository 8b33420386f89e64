using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>A call back in a flow: what comes before, what is promised, and what the new call begins with.</summary>
public class CallBackFlowTests
{
    internal const string Yaml = """
        flow: out
        language: en
        start: account
        steps:
          account:
            collect: account
            digits: 8
            secret: false
            prompt: [enter-account-number]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: pin, failed: bye }
          pin:
            collect: pin
            digits: 4
            secret: true
            prompt: [enter-pin]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: check, failed: bye }
          check:
            verify: pin
            account: account
            with: pin
            on: { accepted: back, refused: pin, exhausted: bye, unavailable: bye }
          back:
            call_back: true
            trunk: carrier
            ring: 20s
            play: [transferring]
            carry: [account]
            then: answered
            on: { unavailable: cannot, refused: may_not, limited: too_often }
          cannot: { hang_up: true, play: [sorry-no-input] }
          may_not: { hang_up: true, play: [sorry-no-match] }
          too_often: { hang_up: true, play: [transfer-failed] }
          answered:
            collect: pin2
            digits: 4
            secret: true
            prompt: [welcome, enter-pin]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: check_again, failed: bye }
          check_again:
            verify: pin
            account: account
            with: pin2
            on: { accepted: facts, refused: answered, exhausted: bye, unavailable: bye }
          facts: { fetch: facts, assurance: low, on: { next: told, unavailable: bye } }
          told: { play: [your-balance-is, { amount: facts.balance }], next: bye }
          bye: { hang_up: true, play: [goodbye] }
        """;

    private const string AtBack = "f.yaml:26:";

    private static FlowStory Story() => new(FlowTexts.Valid(Yaml));

    private static FlowStory Asked() => Story().Start().Keys("10000001").Secret().Checked(FactorOutcome.Accepted, FactorKind.Pin);

    private static List<string> Errors(params (string From, string To)[] changes)
    {
        var yaml = Yaml;
        foreach (var (from, to) in changes)
        {
            Assert.Contains(from, yaml, StringComparison.Ordinal);
            yaml = yaml.Replace(from, to, StringComparison.Ordinal);
        }
        return [.. FlowCheck.Text("f.yaml", yaml, new TestCatalogue(), FlowTexts.Transfers).Errors.Select(e => e.ToString())];
    }

    [Fact]
    public void A_verified_caller_is_promised_a_call_only_when_it_is_ordered_and_this_call_ends()
    {
        var story = Asked().Hears("");
        var order = Assert.IsType<OrderCallBack>(story.Effect);
        Assert.Equal(("carrier", TimeSpan.FromSeconds(20), "answered", FlowStory.Caller), (order.Trunk, order.RingTime, order.Then, order.Proof.Caller));
        Assert.Equal(("account", "10000001"), Assert.Single(order.Variables) is var one ? (one.Key, one.Value.Reveal()) : default);
        story.Give(new CallBackOrdered { Outcome = CallBackOutcome.Ordered }).Hears("transferring .");
        Assert.Equal((FlowWait.End, null), (story.State.Waiting, story.State.Proof));
        Assert.Empty(story.State.Variables);
    }

    [Theory]
    [InlineData(CallBackOutcome.Unavailable, "sorry-no-input .")]
    [InlineData(CallBackOutcome.Refused, "sorry-no-match .")]
    [InlineData(CallBackOutcome.Limited, "transfer-failed .")]
    public void A_caller_who_will_not_be_called_back_hears_what_the_flow_says(CallBackOutcome outcome, string heard) => Asked().Give(new CallBackOrdered { Outcome = outcome }).Hears(heard);

    [Fact]
    public void The_new_call_begins_with_what_was_carried_over_and_nothing_that_was_proven()
    {
        var story = Story().Give(new CalledBack { Step = "answered", Variables = new Dictionary<string, PersonalText> { ["account"] = new("10000001") } }).Hears("welcome enter-pin ?");
        Assert.Null(story.State.Proof);
        story.Secret();
        Assert.Equal("10000001", Assert.IsType<VerifyFactor>(story.Effect).Account.Reveal());
        Assert.Null(Assert.IsType<VerifyFactor>(story.Effect).Before);
    }

    [Fact]
    public void A_flow_that_lost_its_proof_calls_nobody()
    {
        var story = Asked();
        story.State.Proof = null;
        var state = story.State.Copy();
        (state.Step, state.Waiting) = ("check", FlowWait.Factor);
        var transition = Interpreter.Step(FlowTexts.Valid(Yaml), state, new FactorChecked { Result = new FactorResult { Outcome = FactorOutcome.Accepted } });
        Assert.Null(transition.Effect);
    }

    [Fact]
    public void Nobody_is_called_back_before_the_pin_is_verified() => Assert.Contains(
        AtBack + "3: the caller is called back, but pin is not verified: anybody could have strangers called on the path account → pin → check → back",
        Errors(("accepted: back, refused: pin", "accepted: back, refused: back")));

    [Fact]
    public void What_was_proven_in_the_first_call_is_not_in_the_second() => Assert.Contains(Errors(("then: answered", "then: facts"), ("limited: too_often", "limited: answered"), ("  too_often: { hang_up: true, play: [transfer-failed] }\n", "")),
        e => e.Contains("facts are fetched with assurance low, but no factor is verified on the path account → pin → check → back → facts", StringComparison.Ordinal));

    [Fact]
    public void What_was_read_in_the_first_call_is_not_in_the_second() => Assert.Contains(
        Errors(("accepted: back", "accepted: facts"), ("on: { next: told, unavailable: bye }", "on: { next: back, unavailable: bye }"), ("accepted: facts, refused: answered", "accepted: told, refused: answered")),
        e => e.Contains("facts.balance is spoken, but no fetch step of a verified caller comes before it on the path account → pin → check → facts → back → answered → check_again → told", StringComparison.Ordinal));

    [Fact]
    public void What_is_not_carried_over_is_not_there() => Assert.Contains(Errors(("    carry: [account]\n", "")),
        e => e.EndsWith("'account' is used before it is collected on the path account → pin → check → back → answered → check_again", StringComparison.Ordinal));

    [Theory]
    [InlineData("carry: [account]", "carry: [pin]", "f.yaml:31:13: 'pin' is secret and must not be carried over into another call; expected a variable collected with 'secret: false'")]
    [InlineData("carry: [account]", "carry: [nothing]", "f.yaml:31:13: no step collects 'nothing'")]
    [InlineData("carry: [account]", "carry: account", "f.yaml:31:12: carry: expected a list of variables, such as [account]")]
    [InlineData("    then: answered\n", "", AtBack + "3: call_back step 'back' lacks the key 'then'")]
    [InlineData("    play: [transferring]\n", "", AtBack + "3: call_back step 'back' lacks the key 'play'")]
    [InlineData("then: answered", "then: nowhere", "f.yaml:32:11: step 'back' leads to 'nowhere', which is no step; expected one of the names under 'steps'")]
    [InlineData("trunk: carrier", "trunk: other", "f.yaml:28:12: trunk 'other' has no way out; expected one of: carrier")]
    [InlineData("call_back: true", "call_back: always", "f.yaml:27:16: call_back: 'always' is not known; expected true")]
    [InlineData("limited: too_often }", "limited: too_often, busy: bye }", "f.yaml:33:70: unknown key 'busy' in 'on' of call_back step 'back'; expected one of: unavailable, refused, limited")]
    public void A_wrong_call_back_is_named_with_its_place(string from, string to, string expected) => Assert.Contains(expected, Errors((from, to)));

    [Fact]
    public void A_tenant_that_makes_no_calls_calls_nobody_back()
    {
        var plan = new TransferPlan { Targets = FlowTexts.Transfers.Targets, Trunks = ["carrier"] };
        var errors = FlowCheck.Text("f.yaml", Yaml, new TestCatalogue(), plan).Errors;
        Assert.Equal("f.yaml:28:12: the tenant makes no calls; expected 'outbound' of the tenant in cluster.yaml, or no call_back step", Assert.Single(errors).ToString());
    }

    [Fact]
    public async Task The_simulator_plays_both_calls()
    {
        var output = new StringWriter();
        var step = await FlowSimulator.Run(FlowTexts.Valid(Yaml), [new SimulatedCaller()], new StringReader("10000001\n4711\n4711\n"), output);
        Assert.Contains("The caller is called back, and answers.", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("[your-balance-is]", output.ToString(), StringComparison.Ordinal);
        Assert.Equal("bye", step);
    }
}
