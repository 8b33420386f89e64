using System.Globalization;
using System.Net;

namespace IvrActors.Silo.Cluster;

/// <summary>
/// Reads one mapping of <c>cluster.yaml</c> key by key: each reader reports what is wrong with its value and answers with a usable one, so
/// that a single pass finds every error. <see cref="Done"/> reports the keys that nobody asked for.
/// </summary>
internal sealed class YamlMap
{
    private readonly string _file;
    private readonly List<ClusterError> _errors;
    private readonly string _path;
    private readonly YamlValue _self;
    private readonly Dictionary<string, (YamlText Key, YamlValue Value)> _entries = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public YamlMap(string file, YamlValue value, string path, List<ClusterError> errors)
    {
        _file = file;
        _errors = errors;
        _path = path;
        _self = value;
        if (value is not YamlEntries) Report(value, "not a mapping", path, "keys with values");
        foreach (var (key, item) in (value as YamlEntries)?.Entries ?? [])
        {
            if (!_entries.TryAdd(key.Text, (key, item))) Report(key, "duplicate key", PathOf(key.Text), $"one, the first stands in line {_entries[key.Text].Key.Line}");
        }
    }

    public IEnumerable<string> Keys => _entries.Keys;

    public bool Has(string key) => _entries.ContainsKey(key);

    public string Text(string key, string expected, string? fallback = null, Func<string, bool>? valid = null)
    {
        if (Find(key, expected, fallback is null) is not { } value) return fallback ?? "";
        if (value is YamlText { Text: { Length: > 0 } text } && (valid?.Invoke(text) ?? true)) return text;
        Report(value, "bad value", PathOf(key), expected);
        return fallback ?? "";
    }

    /// <summary>A text that may be absent.</summary>
    public string? OptionalText(string key, string expected, Func<string, bool>? valid = null) => Has(key) ? Text(key, expected, valid: valid) : Absent<string>(key);

    /// <summary>Full path of a file; null when the key is absent.</summary>
    /// <param name="folder">What the path in the file is relative to.</param>
    /// <param name="isHere">Whether this node uses it: what others use need not be on this machine.</param>
    public string? File(string key, string folder, string expected, bool isHere = true)
    {
        if (OptionalText(key, expected) is not { } name) return null;
        var path = Path.GetFullPath(name, folder);
        if (isHere && !System.IO.File.Exists(path)) Report(key, "no such file", expected);
        return path;
    }

    /// <summary>A number that may be absent.</summary>
    public int? OptionalNumber(string key, int least, int most) => Has(key) ? Number(key, least, most) : Absent<int?>(key);

    /// <summary>A time that may be absent.</summary>
    public TimeSpan? OptionalTime(string key) => Has(key) ? Time(key) : Absent<TimeSpan?>(key);

    /// <summary>A name that goes into grain keys, metrics and file names.</summary>
    public string Name(string key) => Text(key, "a name of a-z, 0-9 and dashes, at most 40 characters", valid: IsName);

    public bool Flag(string key, bool fallback)
    {
        if (Find(key, "true or false", false) is not { } value) return fallback;
        if (value is YamlText { Text: "true" }) return true;
        if (value is not YamlText { Text: "false" }) Report(value, "bad value", PathOf(key), "true or false");
        return false;
    }

    public int Number(string key, int least, int most, int? fallback = null)
    {
        var expected = $"a whole number from {least} to {most}";
        if (Find(key, expected, fallback is null) is not { } value) return fallback ?? least;
        if (value is YamlText { Text: var text } && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
        Report(value, "bad value", PathOf(key), expected);
        return fallback ?? least;
    }

    /// <summary>Whether the value is the word <c>off</c>; makes the key known.</summary>
    public bool IsOff(string key)
    {
        _known.Add(key);
        return _entries.TryGetValue(key, out var entry) && entry.Value is YamlText { Text: "off" };
    }

    /// <summary>A port, or null for the word <c>off</c>.</summary>
    public int? Port(string key, bool canBeOff, int fallback)
    {
        if (canBeOff && IsOff(key)) return null;
        return Number(key, 0, 65535, fallback);
    }

    /// <summary>A time such as <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, <c>7d</c>.</summary>
    public TimeSpan Time(string key, TimeSpan? fallback = null)
    {
        const string expected = "a time such as 500ms, 30s, 5m, 1h or 7d";
        if (Find(key, expected, fallback is null) is not { } value) return fallback ?? TimeSpan.FromSeconds(1);
        if (value is YamlText { Text: var text } && TryParseTime(text, out var time)) return time;
        Report(value, "bad value", PathOf(key), expected);
        return fallback ?? TimeSpan.FromSeconds(1);
    }

    public T Choice<T>(string key, IReadOnlyDictionary<string, T> choices, T fallback)
    {
        var expected = "one of " + string.Join(", ", choices.Keys);
        if (Find(key, expected, false) is not { } value) return fallback;
        if (value is YamlText { Text: var text } && choices.TryGetValue(text, out var choice)) return choice;
        Report(value, "bad value", PathOf(key), expected);
        return fallback;
    }

    public IPAddress Address(string key, IPAddress fallback)
    {
        const string expected = "an IP address";
        if (Find(key, expected, false) is not { } value) return fallback;
        if (value is YamlText { Text: var text } && IPAddress.TryParse(text, out var address)) return address;
        Report(value, "bad value", PathOf(key), expected);
        return fallback;
    }

    /// <summary>A list of texts, each turned into a value by <paramref name="parse"/> (null: bad).</summary>
    public List<T> List<T>(string key, string expected, Func<string, T?> parse, bool required = true)
        where T : struct
    {
        var result = new List<T>();
        if (Find(key, "a list, each " + expected, required) is not { } value) return result;
        if (value is not YamlItems { Items: { Count: > 0 } items })
        {
            Report(value, "bad value", PathOf(key), "a list, each " + expected);
            return result;
        }
        foreach (var item in items)
        {
            if (item is YamlText { Text: var text } && parse(text) is { } parsed) result.Add(parsed);
            else Report(item, "bad value", PathOf(key), expected);
        }
        return result;
    }

    /// <summary>As <see cref="List{T}"/>, for values that are objects.</summary>
    public List<T> Texts<T>(string key, string expected, Func<string, T?> parse, bool required = false)
        where T : class => [.. List(key, expected, text => parse(text) is { } parsed ? new Parsed<T>(parsed) : (Parsed<T>?)null, required).Select(item => item.Value)];

    /// <summary>One text or a list of them, each turned into a value by <paramref name="parse"/> (null: bad); empty when absent.</summary>
    public List<T> OneOrMore<T>(string key, string expected, Func<string, T?> parse)
        where T : class
    {
        if (Find(key, expected, false) is not { } value) return [];
        List<T> result = [];
        IReadOnlyList<YamlValue> items = value is YamlItems { Items: { Count: > 0 } listed } ? [.. listed] : [value];
        foreach (var item in items)
        {
            if (item is YamlText { Text: var text } && parse(text) is { } parsed) result.Add(parsed);
            else Report(item, "bad value", PathOf(key), expected);
        }
        return result;
    }

    /// <summary>A mapping below this one; an absent one reads as empty, and what is wrong with it is reported here.</summary>
    public YamlMap Map(string key, bool required = true)
    {
        var value = Find(key, "a mapping", required);
        // Of a mapping that is missing, its keys are not missing as well.
        return new YamlMap(_file, value ?? new YamlEntries { Line = _self.Line, Column = _self.Column }, PathOf(key), required && value is null ? [] : _errors);
    }

    /// <summary>A list of mappings.</summary>
    public IReadOnlyList<YamlMap> Maps(string key)
    {
        if (Find(key, "a list of mappings", true) is not { } value) return [];
        if (value is YamlItems { Items: { Count: > 0 } items }) return [.. items.Select((item, i) => new YamlMap(_file, item, $"{PathOf(key)}[{i}]", _errors))];
        Report(value, "bad value", PathOf(key), "a list of mappings");
        return [];
    }

    /// <summary>Makes known a key that may be absent, and is.</summary>
    public T? Absent<T>(string key)
    {
        _known.Add(key);
        return default;
    }

    /// <summary>Reports a finding at a key of this mapping (or at the mapping where the key is absent).</summary>
    public void Report(string key, string message, string expected) => Report(_entries.TryGetValue(key, out var e) ? e.Value : _self, message, PathOf(key), expected);

    /// <summary>Reports the keys that nobody asked for.</summary>
    public void Done()
    {
        foreach (var (key, _) in _entries.Values)
        {
            if (!_known.Contains(key.Text)) Report(key, "unknown key", PathOf(key.Text), _known.Count == 0 ? "none" : "one of " + string.Join(", ", _known.Order(StringComparer.Ordinal)));
        }
    }

    public static bool IsName(string text) => text.Length <= 40 && text.Length > 0 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <summary>A time such as 500ms, 30s, 5m, 1h or 7d.</summary>
    public static bool TryParseTime(string text, out TimeSpan time)
    {
        time = default;
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        if (digits is 0 or > 6) return false;
        var count = int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        TimeSpan? unit = text[digits..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(1),
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            "d" => TimeSpan.FromDays(1),
            _ => null,
        };
        time = unit * count ?? default;
        return time > TimeSpan.Zero;
    }

    private YamlValue? Find(string key, string expected, bool required)
    {
        _known.Add(key);
        if (_entries.TryGetValue(key, out var entry)) return entry.Value;
        if (required) Report(_self, "missing key", PathOf(key), expected);
        return null;
    }

    private string PathOf(string key) => _path.Length == 0 ? key : $"{_path}.{key}";

    private void Report(YamlValue at, string message, string path, string expected) =>
        _errors.Add(new ClusterError(_file, at.Line, at.Column, $"{message} ({path}, expected {expected})"));

    private readonly record struct Parsed<T>(T Value);
}
