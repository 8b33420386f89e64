using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>Parses and validates flow files: what <c>ivr check</c> and a publisher use.</summary>
public static class FlowCheck
{
    /// <summary>One text under the name that errors are to show.</summary>
    public static FlowParse Text(string fileName, string yaml, IPromptCatalogue catalogue, TransferPlan? transfers = null)
    {
        var parsed = FlowParser.Parse(fileName, yaml);
        if (parsed.Document is not { } document) return parsed;
        var errors = FlowValidator.Validate(document, catalogue, transfers);
        return errors.Count == 0 ? parsed : new FlowParse { Errors = errors };
    }

    /// <summary>Files in, errors out, in the order of the files; a file that cannot be read is an error as well.</summary>
    public static async Task<IReadOnlyList<FlowError>> Files(IEnumerable<string> paths, IPromptCatalogue catalogue, TransferPlan? transfers = null, CancellationToken cancellation = default)
    {
        var errors = new List<FlowError>();
        foreach (var path in paths)
        {
            try
            {
                // UTF-8 takes at most four bytes a character: a larger file is too long for certain, and is not read.
                if (new FileInfo(path).Length > 4L * YamlTree.MostCharacters) errors.Add(YamlTree.Error(path, new Position(1, 1), $"the file is too large; expected at most {YamlTree.MostCharacters} characters"));
                else errors.AddRange(Text(path, await File.ReadAllTextAsync(path, cancellation), catalogue, transfers).Errors);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                errors.Add(YamlTree.Error(path, new Position(1, 1), "the file cannot be read: " + e.Message));
            }
        }
        return errors;
    }

    /// <summary>Steps of a valid flow that would record where the cluster has no place for recordings: the flow is right, and each call takes <c>unavailable</c>.</summary>
    public static IReadOnlyList<FlowError> RecordsNowhere(string fileName, string yaml) =>
        FlowParser.Parse(fileName, yaml).Document is not { } document ? [] :
        [
            .. document.Steps.OfType<RecordStep>().Where(step => step.Start is not null).Select(step =>
                YamlTree.Error(fileName, step.At, $"warning: step '{step.Name}' records, and cluster.yaml has no recordings: every call takes unavailable")),
        ];
}
