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
/// source's report of the oldest press that lacks one. Two presses of one key pair up with two reports. A report that comes when the key is released counts by when it was
/// pressed. A key may be part of a PIN: it stands in pinned memory, and only for the window and as long as a key may be held.
/// </summary>
public sealed class KeyArbiter
{
    /// <summary>An INFO is sent when the key is released and repeated after T1 (500 ms) when lost: its report can be this late.</summary>
    public const long Window = 2 * TimeSpan.TicksPerSecond;

    /// <summary>The longest press that a report of its release is paired with.</summary>
    public const int MostHeldMs = 8000;

    private const long Kept = Window + MostHeldMs * TimeSpan.TicksPerMillisecond;

    /// <summary>Presses that can be open at once; a caller types no faster.</summary>
    private const int Most = 64;

    private (char Key, KeySource By, long At)[] _open = [];
    private int _count;

    /// <summary>When the oldest press is to be forgotten by <see cref="Forget"/>.</summary>
    public long NextDeadline => _count == 0 ? SipTimes.Never : _open[0].At + Kept + 1;

    /// <summary>Whether this report is a new press.</summary>
    /// <param name="heldMs">How long the key was held, where the report is of its release.</param>
    public bool Accept(long now, char key, KeySource source, int heldMs = 0)
    {
        Forget(now);
        var pressed = now - Math.Clamp(heldMs, 0, MostHeldMs) * TimeSpan.TicksPerMillisecond;
        for (var i = 0; i < _count; i++)
        {
            if (_open[i].Key != key || (_open[i].By & source) != 0 || pressed - _open[i].At > Window) continue;
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

    /// <summary>Zeroes the presses that no report can be of any more.</summary>
    public void Forget(long now)
    {
        while (_count > 0 && now - _open[0].At > Kept) Remove(0);
    }

    private void Remove(int index)
    {
        _open.AsSpan(index + 1, _count - index - 1).CopyTo(_open.AsSpan(index));
        _open[--_count] = default;
    }
}
