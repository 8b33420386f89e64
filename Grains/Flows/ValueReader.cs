using System.Globalization;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>Turns scalars into values; a wrong one becomes an error and a value that lets reading go on.</summary>
internal sealed class ValueReader(string file, List<FlowError> errors)
{
    private const int LongestName = 64;

    public void Error(Position at, string message) => errors.Add(YamlTree.Error(file, at, message));

    /// <summary>A name of ours: it becomes a grain key or a metric label, so its alphabet is small.</summary>
    public Named NameOf(YamlNode node, string what)
    {
        if (node is not YamlScalar { Value: var value }) return Wrong(node.At, $"expected {what}");
        return IsName(value) ? new Named(value, node.At) : Wrong(node.At, $"'{YamlTree.Shown(value)}' is not {what}; expected a small letter, then small letters, digits, '_' or '-', at most {LongestName} characters");

        Named Wrong(Position at, string message)
        {
            Error(at, message);
            return new Named("", at);
        }
    }

    public bool Bool(string key, YamlNode node)
    {
        if (node is YamlScalar { Value: "true" or "false" } scalar) return scalar.Value == "true";
        Error(node.At, $"{key}: expected true or false");
        return false;
    }

    public int Int(string key, YamlNode node, int least, int most)
    {
        if (node is YamlScalar scalar && int.TryParse(scalar.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return value;
        Error(node.At, $"{key}: expected a number from {least} to {most}");
        return least;
    }

    /// <summary><c>-6dB</c>: how much louder.</summary>
    public int Decibels(string key, YamlNode node)
    {
        const int least = -20, most = 10;
        if (node is YamlScalar scalar && scalar.Value.EndsWith("dB", StringComparison.Ordinal)
            && int.TryParse(scalar.Value.AsSpan(0, scalar.Value.Length - 2), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value is >= least and <= most) return value;
        Error(node.At, $"{key}: expected a gain such as -6dB, from {least}dB to {most}dB");
        return 0;
    }

    /// <summary><c>6s</c> or <c>1500ms</c>.</summary>
    public TimeSpan Duration(string key, YamlNode node, TimeSpan least, TimeSpan most)
    {
        if (node is YamlScalar scalar && TryDuration(scalar.Value, out var value) && value >= least && value <= most) return value;
        Error(node.At, $"{key}: expected a duration such as 6s or 1500ms, from {least.TotalMilliseconds}ms to {most.TotalSeconds}s");
        return least;
    }

    private static bool TryDuration(string text, out TimeSpan value)
    {
        var milliseconds = text.EndsWith("ms", StringComparison.Ordinal);
        var digits = milliseconds ? text.AsSpan(0, text.Length - 2) : text.EndsWith('s') ? text.AsSpan(0, text.Length - 1) : default;
        var good = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        value = milliseconds ? TimeSpan.FromMilliseconds(count) : TimeSpan.FromSeconds(count);
        return good;
    }

    private static bool IsName(string value) =>
        value.Length is > 0 and <= LongestName && char.IsAsciiLetterLower(value[0])
        && value.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-');
}

/// <summary>The keys of one map. Unknown keys are errors at once, missing ones when they are asked for.</summary>
internal sealed class Fields
{
    private readonly ValueReader _values;
    private readonly YamlMap _map;
    private readonly Position _at;
    private readonly string _what;

    /// <param name="at">Where a missing key is reported.</param>
    public Fields(ValueReader values, YamlMap map, Position at, string what, IReadOnlyCollection<string> allowed)
    {
        (_values, _map, _at, _what) = (values, map, at, what);
        foreach (var (key, _) in map.Entries)
            if (!allowed.Contains(key.Value)) values.Error(key.At, $"unknown key '{YamlTree.Shown(key.Value)}' in {what}; expected one of: {string.Join(", ", allowed)}");
    }

    public YamlNode? Optional(string key) => _map.Find(key);

    public YamlNode? Require(string key)
    {
        var found = _map.Find(key);
        if (found is null) _values.Error(_at, $"{_what} lacks the key '{key}'");
        return found;
    }

    public Named Name(string key) => Require(key) is { } node ? _values.NameOf(node, $"a name for '{key}'") : new Named("", _at);

    public Named? OptionalName(string key) => Optional(key) is { } node ? _values.NameOf(node, $"a name for '{key}'") : null;

    public string OneOf(string key, params string[] values)
    {
        if (Require(key) is not { } node) return values[0];
        if (node is YamlScalar scalar && values.Contains(scalar.Value)) return scalar.Value;
        var shown = node is YamlScalar wrong ? $"'{YamlTree.Shown(wrong.Value)}' is not known; " : "";
        _values.Error(node.At, $"{key}: {shown}expected {string.Join(" or ", values)}");
        return values[0];
    }

    public bool Bool(string key, bool otherwise) => Optional(key) is { } node ? _values.Bool(key, node) : otherwise;

    public int Int(string key, int otherwise, int least, int most) => Optional(key) is { } node ? _values.Int(key, node, least, most) : otherwise;

    public TimeSpan Duration(string key, TimeSpan otherwise, TimeSpan least, TimeSpan most) =>
        Optional(key) is { } node ? _values.Duration(key, node, least, most) : otherwise;

    /// <summary>The map <c>on</c>, with the keys that this kind of step has.</summary>
    public Fields On(params string[] allowed)
    {
        var node = Require("on");
        var name = $"'on' of {_what}";
        if (node is YamlMap map) return new Fields(_values, map, map.At, name, allowed);
        _values.Error(node?.At ?? _at, $"on: expected a map with the keys {string.Join(", ", allowed)}");
        return new Fields(new ValueReader("", []), new YamlMap { At = _at, Entries = [] }, _at, name, allowed);
    }
}
