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

    private static readonly string[] s_documentKeys = ["flow", "language", "answer", "volume", "hold", "start", "steps"];
    private static readonly string[] s_answerKeys = ["ringing", "early"];

    /// <summary>A ring that nobody notices is none, and callers hang up after half a minute. Carriers end what is heard before the answer after a minute or so.</summary>
    private static readonly TimeSpan s_leastPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_mostPause = TimeSpan.FromSeconds(30);

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
        var answer = ReadAnswer(values, fields.Optional("answer"));
        var start = fields.Name("start");
        var steps = ReadSteps(values, fields.Require("steps"));
        return new FlowDocument
        {
            FileName = fileName,
            Version = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml))),
            Flow = flow,
            Language = language,
            Start = start,
            Answer = answer,
            Volume = fields.Optional("volume") is { } volume ? values.Decibels("volume", volume) : 0,
            Hold = StepReader.Hold(values, fields),
            Steps = steps,
        };
    }

    /// <summary><c>at_once</c>, <c>{ ringing: 2s }</c> or <c>{ early: 20s }</c>.</summary>
    private static AnswerPolicy ReadAnswer(ValueReader values, YamlNode? node)
    {
        if (node is null or YamlScalar { Value: "at_once" }) return default;
        if (node is YamlMap { Entries.Count: 1 } map)
        {
            var fields = new Fields(values, map, map.At, "answer", s_answerKeys);
            var time = fields.Duration("ringing", fields.Duration("early", default, s_leastPause, s_mostPause), s_leastPause, s_mostPause);
            return new AnswerPolicy(fields.Optional("ringing") is not null ? AnswerKind.Ringing : AnswerKind.Early, time);
        }
        values.Error(node.At, "answer: expected at_once, { ringing: 2s } or { early: 20s }");
        return default;
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
