using System.Reflection;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Tests.Flows;
using Orleans;
using Xunit;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>What a flow orders reaches the edge whole, whatever is put in place of its text.</summary>
public sealed class CommandPreparationTests
{
    [Theory]
    [InlineData(typeof(Play))]
    [InlineData(typeof(Collect))]
    public void A_command_whose_text_is_covered_keeps_all_else_that_it_says(Type kind)
    {
        var command = Filled(kind);
        var prepared = Assert.Single(Prepare((CallCommand)command));
        Assert.IsType(kind, prepared);
        Assert.NotSame(command, prepared);
        foreach (var member in Members(kind).Where(member => member.Name != nameof(Play.Prompts)))
            Assert.True(Equals(member.GetValue(command), member.GetValue(prepared)), $"{kind.Name}.{member.Name} is lost");
    }

    [Fact]
    public void A_text_that_is_covered_keeps_all_that_is_said_of_it()
    {
        var text = (PromptPart)Filled(typeof(PromptPart));
        typeof(PromptPart).GetProperty(nameof(PromptPart.Text))!.SetValue(text, "one two");
        var play = new Play { Prompts = [text, new PromptPart { Prompt = "x", Gain = 3 }] };
        var prepared = Assert.IsType<Play>(Assert.Single(Prepare(play))).Prompts;
        Assert.Equal(["number/1", "number/2", "x"], prepared.Select(part => part.Prompt));
        Assert.Same(play.Prompts[1], prepared[2]);
        // A pause is one of a part without text.
        string[] others = [nameof(PromptPart.Prompt), nameof(PromptPart.Text), nameof(PromptPart.Pause)];
        foreach (var member in Members(typeof(PromptPart)).Where(member => !others.Contains(member.Name)))
            Assert.All(prepared[..2], part => Assert.True(Equals(member.GetValue(text), member.GetValue(part)), $"PromptPart.{member.Name} is lost"));
    }

    private static IReadOnlyList<CallCommand> Prepare(CallCommand command) =>
        CommandPreparation.Prepare(new CallProgress { State = new CallState(), Commands = [command], Entered = [] }, null, new TestCatalogue())!.Commands;

    private static PropertyInfo[] Members(Type kind) => [.. kind.GetProperties().Where(member => member.GetCustomAttribute<IdAttribute>() is not null)];

    /// <summary>One of which no member has its usual value, so that one that is left out is seen.</summary>
    private static object Filled(Type kind)
    {
        var filled = Activator.CreateInstance(kind)!;
        foreach (var member in Members(kind)) member.SetValue(filled, Sample(member.PropertyType));
        return filled;
    }

    private static object Sample(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(bool)) return true;
        if (type == typeof(int)) return 7;
        if (type == typeof(char)) return '7';
        if (type == typeof(string)) return "seven";
        if (type == typeof(TimeSpan)) return TimeSpan.FromSeconds(7);
        return type == typeof(List<PromptPart>) ? new List<PromptPart> { new() { Text = "one" } } : Filled(type);
    }
}
