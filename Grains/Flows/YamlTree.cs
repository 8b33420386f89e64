using IvrActors.Grains.Interfaces.Flows;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace IvrActors.Grains.Flows;

internal abstract class YamlNode
{
    public required Position At { get; init; }
}

internal sealed class YamlScalar : YamlNode
{
    public required string Value { get; init; }
}

internal sealed class YamlList : YamlNode
{
    public required IReadOnlyList<YamlNode> Items { get; init; }
}

internal sealed class YamlMap : YamlNode
{
    public required IReadOnlyList<KeyValuePair<YamlScalar, YamlNode>> Entries { get; init; }

    public YamlNode? Find(string key)
    {
        foreach (var (name, value) in Entries)
            if (name.Value == key) return value;
        return null;
    }
}

/// <summary>Reads one YAML document into maps, lists and scalars with positions. Anchors, aliases and tags are refused, so that text cannot grow when it is read.</summary>
internal sealed class YamlTree
{
    /// <summary>Characters of a document. A flow of 500 steps has about 100,000.</summary>
    public const int MostCharacters = 256 * 1024;

    /// <summary>The language nests six deep; more is no flow.</summary>
    private const int MostDepth = 8;

    private readonly string _file;
    private readonly List<FlowError> _errors;
    private readonly IParser _parser;

    private YamlTree(string file, string yaml, List<FlowError> errors)
    {
        _file = file;
        _errors = errors;
        _parser = new Parser(new Scanner(new StringReader(yaml), skipComments: true));
    }

    /// <summary>The root, or null when the text cannot be read (an error says why). Duplicate keys add errors too.</summary>
    public static YamlNode? Read(string file, string yaml, List<FlowError> errors)
    {
        if (yaml.Length > MostCharacters)
        {
            errors.Add(Error(file, new Position(1, 1), $"the document has {yaml.Length} characters; expected at most {MostCharacters}"));
            return null;
        }
        var tree = new YamlTree(file, yaml, errors);
        try
        {
            return tree.ReadDocument();
        }
        catch (YamlException e)
        {
            errors.Add(Error(file, At(e.Start), "the text is not YAML: " + OneLine(e.Message)));
            return null;
        }
        catch (UnreadableException e)
        {
            errors.Add(Error(file, e.At, e.Message));
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // The library's scanner throws these on some broken text.
            errors.Add(Error(file, tree._parser.Current is { } last ? At(last.End) : new Position(1, 1), "the text is not YAML: it cannot be read from here on"));
            return null;
        }
    }

    private YamlNode ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _)) throw new UnreadableException(new Position(1, 1), "the document is empty; expected the keys flow, language, start and steps");
        _parser.Consume<DocumentStart>();
        var root = ReadNode(0);
        _parser.Consume<DocumentEnd>();
        if (!_parser.TryConsume<StreamEnd>(out _)) throw new UnreadableException(At(_parser.Current!.Start), "a second document begins here; expected one document in a file");
        return root;
    }

    private YamlNode ReadNode(int depth)
    {
        if (_parser.TryConsume<AnchorAlias>(out var alias)) throw new UnreadableException(At(alias.Start), "an alias stands here; aliases are not part of the flow language");
        if (!_parser.Accept<NodeEvent>(out var node)) throw new UnreadableException(At(_parser.Current!.Start), "expected a value");
        var at = At(node.Start);
        if (!node.Anchor.IsEmpty) throw new UnreadableException(at, "an anchor stands here; anchors are not part of the flow language");
        if (!node.Tag.IsEmpty) throw new UnreadableException(at, "a tag stands here; tags are not part of the flow language");
        if (depth > MostDepth) throw new UnreadableException(at, $"values nest deeper than {MostDepth}");

        if (_parser.TryConsume<Scalar>(out var scalar)) return new YamlScalar { At = at, Value = scalar.Value };
        return _parser.TryConsume<SequenceStart>(out _) ? ReadList(at, depth) : ReadMap(at, depth);
    }

    private YamlList ReadList(Position at, int depth)
    {
        var items = new List<YamlNode>();
        while (!_parser.TryConsume<SequenceEnd>(out _)) items.Add(ReadNode(depth + 1));
        return new YamlList { At = at, Items = items };
    }

    private YamlMap ReadMap(Position at, int depth)
    {
        _parser.Consume<MappingStart>();
        var entries = new List<KeyValuePair<YamlScalar, YamlNode>>();
        var seen = new Dictionary<string, Position>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadNode(depth + 1) as YamlScalar ?? throw new UnreadableException(At(_parser.Current!.Start), "expected a key of text");
            var value = ReadNode(depth + 1);
            if (seen.TryAdd(key.Value, key.At)) entries.Add(new(key, value));
            else _errors.Add(Error(_file, key.At, $"the key '{Shown(key.Value)}' stands here a second time; the first is on line {seen[key.Value].Line}"));
        }
        return new YamlMap { At = at, Entries = entries };
    }

    public static FlowError Error(string file, Position at, string message) => new() { File = file, Line = at.Line, Column = at.Column, Message = message };

    /// <summary>A name as errors show it: one short line.</summary>
    public static string Shown(string value) => value.Length <= 60 ? OneLine(value) : OneLine(value[..57]) + "...";

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static Position At(Mark mark) => new((int)mark.Line, (int)mark.Column);

    private sealed class UnreadableException(Position at, string message) : Exception(message)
    {
        public Position At { get; } = at;
    }
}
