using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace IvrActors.Silo.Cluster;

/// <summary>A finding in <c>cluster.yaml</c>. Line and column are 1-based.</summary>
internal readonly record struct ClusterError(string File, int Line, int Column, string Message)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>A YAML value with the place where it stands.</summary>
internal abstract class YamlValue
{
    public required int Line { get; init; }
    public required int Column { get; init; }
}

internal sealed class YamlText : YamlValue
{
    public required string Text { get; init; }
}

internal sealed class YamlItems : YamlValue
{
    public List<YamlValue> Items { get; } = [];
}

/// <summary>Entries in file order; duplicates are kept, so that they can be reported.</summary>
internal sealed class YamlEntries : YamlValue
{
    public List<(YamlText Key, YamlValue Value)> Entries { get; } = [];
}

/// <summary>Reads one YAML document into values with places. Anchors, aliases and tags are refused: a configuration has no use for them.</summary>
internal static class YamlTree
{
    // Deep enough for any cluster.yaml, shallow enough that no document exhausts the stack.
    private const int MostDepth = 20;

    public static YamlValue? Read(string file, string text, List<ClusterError> errors)
    {
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                errors.Add(new ClusterError(file, 1, 1, "the file is empty (cluster.yaml, expected a mapping)"));
                return null;
            }
            var root = ReadValue(parser, 0);
            parser.Consume<DocumentEnd>();
            return root;
        }
        catch (YamlException e)
        {
            errors.Add(new ClusterError(file, (int)Math.Max(1, e.Start.Line), (int)Math.Max(1, e.Start.Column), "not YAML: " + e.Message));
            return null;
        }
    }

    private static YamlValue ReadValue(Parser parser, int depth)
    {
        var start = parser.Current!;
        var (line, column) = ((int)start.Start.Line, (int)start.Start.Column);
        if (depth > MostDepth) throw new YamlException(start.Start, start.End, "nested too deeply");
        if (start is NodeEvent { Anchor.IsEmpty: false } or AnchorAlias) throw new YamlException(start.Start, start.End, "anchors and aliases are not used here");
        if (start is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } }) throw new YamlException(start.Start, start.End, "tags are not used here");
        if (parser.TryConsume<Scalar>(out var scalar)) return new YamlText { Line = line, Column = column, Text = scalar.Value };
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new YamlItems { Line = line, Column = column };
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Items.Add(ReadValue(parser, depth + 1));
            return items;
        }
        parser.Consume<MappingStart>();
        var entries = new YamlEntries { Line = line, Column = column };
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (ReadValue(parser, depth + 1) is not YamlText key) throw new YamlException(start.Start, start.End, "a key must be plain text");
            entries.Entries.Add((key, ReadValue(parser, depth + 1)));
        }
        return entries;
    }
}
