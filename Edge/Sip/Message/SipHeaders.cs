using System.Collections;

namespace IvrActors.Edge.Sip.Message;

/// <summary>
/// Headers of a message in order. Names are canonical ("Via" for "v"), values unfolded and trimmed; a comma-separated list stays one value.
/// Each char of a received value is one byte of it (Latin-1), so that writing gives the same bytes.
/// </summary>
public sealed class SipHeaders : IEnumerable<KeyValuePair<string, string>>
{
    private readonly string _head;
    private readonly List<Entry> _entries;

    public SipHeaders()
        : this("")
    {
    }

    /// <summary>Headers whose values are parts of a received head.</summary>
    internal SipHeaders(string head, ReadOnlySpan<Entry> entries)
    {
        _head = head;
        _entries = new(entries.Length);
        _entries.AddRange(entries);
    }

    private SipHeaders(string head) => (_head, _entries) = (head, new(12));

    public int Count => _entries.Count;

    /// <summary>What was received up to the body, "" when nothing was.</summary>
    internal string Head => _head;

    /// <summary>Changes with every change of the headers.</summary>
    internal int Version { get; private set; }

    /// <summary>Value of the first header of that name, or null.</summary>
    public string? First(string name)
    {
        var index = IndexOf(name, 0);
        return index < 0 ? null : ValueAt(index);
    }

    public bool Contains(string name) => IndexOf(name, 0) >= 0;

    /// <summary>Values of all headers of that name, in order.</summary>
    public IEnumerable<string> All(string name)
    {
        for (var i = IndexOf(name, 0); i >= 0; i = IndexOf(name, i + 1))
            yield return ValueAt(i);
    }

    /// <summary>Adds a header at the end. Throws on a value with a line end: it would become headers of its own.</summary>
    public void Add(string name, string value) => _entries.Add(Checked(name, value));

    /// <summary>Adds a header before all others, as a new Via must stand.</summary>
    public void AddFirst(string name, string value) => _entries.Insert(0, Checked(name, value));

    /// <summary>Replaces the first header of that name and removes the others, or adds it.</summary>
    public void Set(string name, string value)
    {
        var entry = Checked(name, value);
        var index = IndexOf(entry.Name, 0);
        if (index < 0)
        {
            _entries.Add(entry);
            return;
        }
        _entries[index] = entry;
        for (var i = IndexOf(entry.Name, index + 1); i >= 0; i = IndexOf(entry.Name, i))
            _entries.RemoveAt(i);
    }

    /// <summary>Replaces the first header of that name and keeps the others, or adds it.</summary>
    public void ReplaceFirst(string name, string value)
    {
        var entry = Checked(name, value);
        var index = IndexOf(entry.Name, 0);
        if (index < 0)
            _entries.Add(entry);
        else
            _entries[index] = entry;
    }

    /// <summary>Removes all headers of that name; false when there was none.</summary>
    public bool Remove(string name)
    {
        Version++;
        return _entries.RemoveAll(e => Same(e.Name, name)) > 0;
    }

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
    {
        for (var i = 0; i < _entries.Count; i++)
            yield return new(_entries[i].Name, ValueAt(i));
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal string NameAt(int index) => _entries[index].Name;

    internal ReadOnlySpan<char> SpanAt(int index)
    {
        var entry = _entries[index];
        return entry.Value ?? _head.AsSpan(entry.Start, entry.Length);
    }

    /// <summary>A reader of one value; what it yields keeps the whole head alive.</summary>
    internal SipCursor CursorAt(int index)
    {
        var entry = _entries[index];
        return entry.Value is null ? new(_head, entry.Start, entry.Start + entry.Length) : new(entry.Value, 0, entry.Value.Length);
    }

    internal int IndexOf(string name, int from)
    {
        for (var i = from; i < _entries.Count; i++)
        {
            if (Same(_entries[i].Name, name))
                return i;
        }
        return -1;
    }

    /// <summary>As <see cref="IndexOf"/> for a name of <see cref="SipHeaderNames"/>: those are shared strings, so references decide.</summary>
    internal int IndexOfKnown(string name, int from = 0)
    {
        var entries = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_entries);
        for (var i = from; i < entries.Length; i++)
        {
            if (ReferenceEquals(entries[i].Name, name))
                return i;
        }
        return -1;
    }

    /// <summary>Empty headers that can take values of these by <see cref="AddFrom"/> without copying text.</summary>
    internal SipHeaders NewOverSameText() => new(_head);

    /// <summary>Adds a header of others over the same text.</summary>
    internal void AddFrom(SipHeaders others, int index)
    {
        Version++;
        _entries.Add(others._entries[index]);
    }

    private string ValueAt(int index)
    {
        var entry = _entries[index];
        if (entry.Value is not null)
            return entry.Value;
        var value = _head.Substring(entry.Start, entry.Length);
        _entries[index] = entry with { Value = value };
        return value;
    }

    private Entry Checked(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        if (SipHeaderNames.Canonical(name) is not { } canonical || value.AsSpan().ContainsAny('\r', '\n'))
            throw new ArgumentException("internal error: a header to be sent is no token or its value holds a line end", nameof(value));
        Version++;
        return new Entry(canonical, value, 0, 0);
    }

    private static bool Same(string a, string b) => ReferenceEquals(a, b) || a.Equals(b, StringComparison.OrdinalIgnoreCase);

    /// <summary>A header: its value, or where that stands in the head.</summary>
    internal readonly record struct Entry(string Name, string? Value, int Start, int Length);
}
