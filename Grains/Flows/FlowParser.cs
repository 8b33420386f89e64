using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>Either a document or the errors that kept it from being one.</summary>
public sealed class FlowParse
{
    public FlowDocument? Document { get; init; }
    public required IReadOnlyList<FlowError> Errors { get; init; }
}

/// <summary>Reads the text of a flow into a typed document. What names refer to is checked by <see cref="FlowValidator"/>.</summary>
public static class FlowParser
{
    /// <summary>Steps of a flow: more is not one flow that a person can check.</summary>
    public const int MostSteps = 500;

    private static readonly string[] s_documentKeys = ["flow", "language", "start", "steps"];

    public static FlowParse Parse(string fileName, string yaml)
    {
        var errors = new List<FlowError>();
        var root = YamlTree.Read(fileName, yaml, errors);
        var document = root is null ? null : ReadDocument(fileName, yaml, root, errors);
        return errors.Count == 0
            ? new FlowParse { Document = document!.Indexed(), Errors = [] }
            : new FlowParse { Errors = [.. errors.OrderBy(e => e.Line).ThenBy(e => e.Column)] };
    }

    private static FlowDocument? ReadDocument(string fileName, string yaml, YamlNode root, List<FlowError> errors)
    {
        var values = new ValueReader(fileName, errors);
        if (root is not YamlMap map)
        {
            values.Error(root.At, "expected a map with the keys flow, language, start and steps");
            return null;
        }
        var fields = new Fields(values, map, new Position(1, 1), "a flow document", s_documentKeys);
        var flow = fields.Name("flow");
        var language = fields.OneOf("language", "en");
        var start = fields.Name("start");
        var steps = ReadSteps(values, fields.Require("steps"));
        return new FlowDocument
        {
            FileName = fileName,
            Version = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml))),
            Flow = flow,
            Language = language,
            Start = start,
            Steps = steps,
        };
    }

    private static List<FlowStep> ReadSteps(ValueReader values, YamlNode? node)
    {
        var steps = new List<FlowStep>();
        if (node is null) return steps;
        if (node is not YamlMap map || map.Entries.Count == 0)
        {
            values.Error(node.At, "steps: expected a map from step names to steps");
            return steps;
        }
        if (map.Entries.Count > MostSteps) values.Error(map.At, $"steps: {map.Entries.Count} steps; expected at most {MostSteps}");
        foreach (var (name, body) in map.Entries.Take(MostSteps))
        {
            values.NameOf(name, "a step name");
            if (body is YamlMap step && StepReader.Read(values, name, step) is { } read) steps.Add(read);
            else if (body is not YamlMap) values.Error(body.At, $"step '{YamlTree.Shown(name.Value)}': expected a map of keys; one of {StepReader.KindKeys} names its kind");
        }
        return steps;
    }
}
