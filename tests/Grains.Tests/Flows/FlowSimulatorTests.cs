using IvrActors.Grains.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

public class FlowSimulatorTests
{
    [Fact]
    public async Task The_right_keys_lead_to_the_balance()
    {
        var (heard, step) = await Play("10000001#", "4711#", "123456", "1", "2", "9");
        Assert.Contains("[your-balance-is] 1 thousand 2 hundred and 30 4 euros and 50 6 cents", heard, StringComparison.Ordinal);
        Assert.Contains("[last-transactions] on January 5th debit 19 euros and 90 9 cents on January 2nd credit 2 thousand 5 hundred euros", heard, StringComparison.Ordinal);
        Assert.Contains("The flow hung up.", heard, StringComparison.Ordinal);
        Assert.Equal("goodbye", step);
    }

    [Fact]
    public async Task An_unknown_account_and_a_wrong_PIN_sound_the_same()
    {
        var unknown = await Play("99999999#", "4711#", "4711#", "4711#");
        var wrong = await Play("10000001#", "0000#", "0000#", "0000#");
        Assert.Equal(wrong, unknown);
        Assert.Equal("too_many", wrong.Step);
    }

    [Fact]
    public async Task No_input_too_few_keys_and_a_failed_transfer_are_played_too()
    {
        var (heard, step) = await Play("timeout", "12#", "10000001", "4711", "123456", "0", "486", "hangup");
        Assert.Contains("[sorry-no-input] [enter-account-number]", heard, StringComparison.Ordinal);
        Assert.Contains("[sorry-no-match] [enter-account-number]", heard, StringComparison.Ordinal);
        Assert.Contains("-> transfer to 'agent'", heard, StringComparison.Ordinal);
        Assert.Contains("[transfer-failed]", heard, StringComparison.Ordinal);
        Assert.Contains("The caller hung up.", heard, StringComparison.Ordinal);
        Assert.Equal("menu", step);
    }

    [Fact]
    public async Task A_star_asks_for_the_next_factor_and_a_new_PIN_is_chosen_twice()
    {
        var (heard, step) = await Play("10000001", "4711", "*", "654321", "3", "7394#", "7395", "1234", "1234", "7394", "7394", "9");
        Assert.Contains("[enter-code] [press-star-for-another]", heard, StringComparison.Ordinal);
        Assert.Contains("[enter-sent-code]", heard, StringComparison.Ordinal);
        Assert.Contains("[pins-differ] [enter-new-pin]", heard, StringComparison.Ordinal);
        Assert.Contains("[pin-too-easy] [enter-new-pin]", heard, StringComparison.Ordinal);
        Assert.Contains("[pin-changed]", heard, StringComparison.Ordinal);
        Assert.Equal("goodbye", step);
    }

    [Fact]
    public async Task A_caller_with_a_device_keys_in_what_it_shows_or_goes_on_to_the_code()
    {
        var withDevice = new SimulatedCaller { DeviceNumber = "2468" };
        var (heard, step) = await PlayAs(withDevice, "10000001", "4711", "1357", "2468", "9");
        Assert.Contains("[enter-device-number] [press-star-for-another]", heard, StringComparison.Ordinal);
        Assert.Contains("[enter-device-number-again]", heard, StringComparison.Ordinal);
        Assert.Equal("goodbye", step);

        Assert.Equal("goodbye", (await PlayAs(withDevice, "10000001", "4711", "*", "123456", "9")).Step);
    }

    [Fact]
    public async Task Known_prompts_are_shown_by_their_text()
    {
        var output = new StringWriter();
        await FlowSimulator.Run(FlowTexts.Valid(FlowTexts.Bank), [new SimulatedCaller()], new StringReader(""), output, new Dictionary<string, string> { ["welcome"] = "Welcome to the bank." });
        Assert.Contains("Welcome to the bank.", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ordinal/1", "1st")]
    [InlineData("ordinal/12", "12th")]
    [InlineData("ordinal/22", "22nd")]
    [InlineData("ordinal/23", "23rd")]
    [InlineData("month/11", "November")]
    [InlineData("number/hundred", "hundred")]
    [InlineData("welcome", "[welcome]")]
    public void A_prompt_reads_as_it_sounds(string prompt, string expected) => Assert.Equal(expected, PromptWords.Of(prompt));

    private static Task<(string Heard, string Step)> Play(params string[] lines) => PlayAs(new SimulatedCaller(), lines);

    private static async Task<(string Heard, string Step)> PlayAs(SimulatedCaller caller, params string[] lines)
    {
        var output = new StringWriter();
        var step = await FlowSimulator.Run(FlowTexts.Valid(FlowTexts.Bank), [caller], new StringReader(string.Join('\n', lines)), output);
        return (output.ToString(), step);
    }
}
