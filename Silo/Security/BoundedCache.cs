using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace IvrActors.Silo.Security;

/// <summary>A cache in two halves. When the young one is full it becomes the old one; what nobody asks for until the next time is gone.</summary>
/// <param name="half">Entries of each half.</param>
internal sealed class BoundedCache<T>(int half)
    where T : class
{
    private readonly Lock _lock = new();
    private volatile ConcurrentDictionary<string, T> _young = new(StringComparer.Ordinal);
    private volatile ConcurrentDictionary<string, T> _old = new(StringComparer.Ordinal);
    private int _count;

    public bool TryGet(string key, [NotNullWhen(true)] out T? value)
    {
        if (_young.TryGetValue(key, out value)) return true;
        if (!_old.TryGetValue(key, out value)) return false;
        Add(key, value);
        return true;
    }

    public void Add(string key, T value)
    {
        lock (_lock)
        {
            if (_count == half) (_old, _young, _count) = (_young, new ConcurrentDictionary<string, T>(StringComparer.Ordinal), 0);
            if (_young.TryAdd(key, value)) _count++;
            else _young[key] = value;
        }
    }
}
