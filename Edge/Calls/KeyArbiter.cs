using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Calls;

/// <summary>How a key press was reported.</summary>
[Flags]
public enum KeySource
{
    None = 0,

    /// <summary>RFC 4733 event.</summary>
    Event = 1,

    /// <summary>SIP INFO.</summary>
    Info = 2,

    /// <summary>Tones in the audio.</summary>
    Tone = 4,
}

/// <summary>
/// Counts a press once that is reported in several ways: whichever comes first wins, and the same key from another source within <see cref="Window"/> is taken as that
/// source's report of the oldest press that lacks one. Two presses of one key pair up with two reports. A key may be part of a PIN: it stands in pinned memory, and only
/// for the window.
/// </summary>
public sealed class KeyArbiter
{
    /// <summary>An INFO is sent when the key is released and repeated after T1 (500 ms) when lost: its report can be this late.</summary>
    public const long Window = 2 * TimeSpan.TicksPerSecond;

    /// <summary>Presses that can be open at once; a caller types no faster.</summary>
    private const int Most = 16;

    private (char Key, KeySource By, long At)[] _open = [];
    private int _count;

    /// <summary>When the oldest press is to be forgotten by <see cref="Forget"/>.</summary>
    public long NextDeadline => _count == 0 ? SipTimes.Never : _open[0].At + Window + 1;

    /// <summary>Whether this report is a new press.</summary>
    public bool Accept(long now, char key, KeySource source)
    {
        Forget(now);
        for (var i = 0; i < _count; i++)
        {
            if (_open[i].Key != key || (_open[i].By & source) != 0) continue;
            _open[i].By |= source;
            return false;
        }
        if (_open.Length == 0) _open = GC.AllocateArray<(char, KeySource, long)>(Most, pinned: true);
        if (_count == Most) Remove(0);
        _open[_count++] = (key, source, now);
        return true;
    }

    /// <summary>Forgets all presses.</summary>
    public void Clear()
    {
        Array.Clear(_open);
        _count = 0;
    }

    /// <summary>Zeroes the presses that are older than <see cref="Window"/>.</summary>
    public void Forget(long now)
    {
        while (_count > 0 && now - _open[0].At > Window) Remove(0);
    }

    private void Remove(int index)
    {
        _open.AsSpan(index + 1, _count - index - 1).CopyTo(_open.AsSpan(index));
        _open[--_count] = default;
    }
}
