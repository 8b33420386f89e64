using System.Text.RegularExpressions;
using IvrActors.Grains.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>The reference says what the parser does.</summary>
public partial class FlowLanguageDocTests
{
    private static readonly string s_text = File.ReadAllText(Path.Combine(FlowTexts.Root, "docs", "flow-language.md"));

    public static TheoryData<string> Examples => [.. YamlBlock().Matches(s_text).Select(m => m.Groups[1].Value)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_is_right(string example)
    {
        if (example.StartsWith("flow:", StringComparison.Ordinal))
        {
            FlowTexts.Valid(example);
            return;
        }
        var indented = string.Join('\n', example.Split('\n').Select(line => "  " + line));
        Assert.Empty(FlowParser.Parse("example", "flow: f\nlanguage: en\nstart: a\nsteps:\n" + indented).Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void There_is_an_example_of_every_kind_and_a_word_on_every_key()
    {
        Assert.Equal(17, Examples.Count);
        Assert.All(StepReader.AllKeys, key => Assert.Matches($@"\b{key}\b", s_text));
        Assert.All(new[] { "flow", "language", "answer", "volume", "hold", "at_once", "ringing", "early", "start", "steps", "say", "amount", "transactions", "last", "intro", "none", "digits" }, key => Assert.Contains(key, s_text, StringComparison.Ordinal));
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlBlock();
}
