using System.Security.Cryptography;

namespace IvrActors.Edge.Calls;

/// <summary>Keys pressed between a reply of the call grain and the next collect. They may be a PIN: pinned memory, zeroed when taken.</summary>
public sealed class TypeAhead
{
    /// <summary>More than an account number and a PIN typed in one go.</summary>
    private const int Most = 32;

    private byte[]? _keys;
    private int _count;

    public int Count => _count;

    /// <summary>Keeps a key; when full, it is lost, as on a telephone exchange.</summary>
    public void Add(char key)
    {
        _keys ??= GC.AllocateArray<byte>(Most, pinned: true);
        if (_count < Most) _keys[_count++] = (byte)key;
    }

    public bool TryTake(out char key)
    {
        key = '\0';
        if (_count == 0) return false;
        key = (char)_keys![0];
        _keys.AsSpan(1, _count - 1).CopyTo(_keys);
        _keys[--_count] = 0;
        return true;
    }

    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_keys);
        _count = 0;
    }
}
