using System.Collections.Concurrent;

namespace IvrActors.Edge.Tracing;

/// <summary>By what name the cluster knows the call of a SIP Call-ID, while somebody traces. Remembered beyond the call's end, for its last messages; bounded.</summary>
internal sealed class CallNames
{
    /// <summary>Calls of some minutes; when it is full it begins anew, and calls that go on are asked for again.</summary>
    private const int Most = 20_000;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>"" of a dialog that belongs to no call, or to one that is not known yet.</summary>
    public string this[string sipCallId] => _names.GetValueOrDefault(sipCallId, "");

    public bool Knows(string sipCallId) => _names.ContainsKey(sipCallId);

    public void Add(string sipCallId, string call)
    {
        if (_names.Count >= Most) _names.Clear();
        _names[sipCallId] = call;
    }

    public void Clear() => _names.Clear();
}
