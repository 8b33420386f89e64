using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Calls;

/// <summary>Puts into commands what the cluster's configuration and prompts say: SIP URIs for names of targets, recorded prompts for text that the vocabulary covers.</summary>
internal static class CommandPreparation
{
    /// <summary>Null when a target is no longer configured.</summary>
    public static CallProgress? Prepare(CallProgress progress, TenantPolicy? tenant, IPromptCatalogue catalogue)
    {
        var commands = new List<CallCommand>(progress.Commands.Count);
        foreach (var command in progress.Commands)
        {
            switch (command)
            {
                case Transfer transfer:
                    if (tenant is null || !tenant.TransferTargets.TryGetValue(transfer.Target, out var uri) || TransferPlan.IsNumber(uri)) return null;
                    commands.Add(new Transfer { Target = uri });
                    break;
                case Play play when HasText(play.Prompts):
                    commands.Add(new Play { Prompts = Cover(play.Prompts, catalogue), BargeIn = play.BargeIn, Controls = play.Controls });
                    break;
                case Collect collect when HasText(collect.Prompts):
                    commands.Add(WithPrompts(collect, Cover(collect.Prompts, catalogue)));
                    break;
                default:
                    commands.Add(command);
                    break;
            }
        }
        return new CallProgress { State = progress.State, Commands = commands, Entered = progress.Entered };
    }

    private static bool HasText(List<PromptPart> prompts) => prompts.Exists(p => p.Text is not null);

    private static List<PromptPart> Cover(List<PromptPart> prompts, IPromptCatalogue catalogue)
    {
        var covered = new List<PromptPart>();
        foreach (var part in prompts)
        {
            if (part.Text is { } text && catalogue.TryCover(text, out var ids)) covered.AddRange(ids.Select(id => new PromptPart { Prompt = id, Gain = part.Gain }));
            else covered.Add(part);
        }
        return covered;
    }

    private static Collect WithPrompts(Collect collect, List<PromptPart> prompts) => new()
    {
        Name = collect.Name,
        Prompts = prompts,
        MinDigits = collect.MinDigits,
        MaxDigits = collect.MaxDigits,
        Terminator = collect.Terminator,
        FirstDigitTimeout = collect.FirstDigitTimeout,
        InterDigitTimeout = collect.InterDigitTimeout,
        BargeIn = collect.BargeIn,
        Secret = collect.Secret,
        Skip = collect.Skip,
    };
}
