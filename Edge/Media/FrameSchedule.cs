namespace IvrActors.Edge.Media;

/// <summary>
/// When the media clock's steps are due. A frame of 20 ms has ten steps of 2 ms, and each call belongs to one of them, so that sends do not bunch.
/// Step n is due at start + n * 2 ms: lateness of one step never moves the next. Pure.
/// </summary>
public sealed class FrameSchedule
{
    public const int SlotsPerFrame = 10;

    /// <summary>Further behind than this (100 ms: the machine stood still), frames are left out instead of sent in a burst.</summary>
    public const int MostStepsBehind = 5 * SlotsPerFrame;

    private readonly long _start;
    private readonly long _frequency;
    private long _next;

    /// <param name="start">Timestamp of step 0.</param>
    /// <param name="frequency">Timestamp units per second.</param>
    public FrameSchedule(long start, long frequency) => (_start, _frequency) = (start, frequency);

    /// <summary>When the next step is due.</summary>
    public long NextDue => DueAt(_next);

    public long DueAt(long step) => _start + (long)((Int128)step * _frequency * Telephone.FrameMs / (1000 * SlotsPerFrame));

    /// <summary>The next step that is due by now; to be called until it says false.</summary>
    public bool TryTake(long now, out long frame, out int slot)
    {
        var newest = (long)((Int128)(now - _start) * 1000 * SlotsPerFrame / ((Int128)_frequency * Telephone.FrameMs));
        if (newest - _next > MostStepsBehind) _next = newest - SlotsPerFrame + 1; // The last frame of each call, once.
        (frame, slot) = (_next / SlotsPerFrame, (int)(_next % SlotsPerFrame));
        if (_next > newest) return false;
        _next++;
        return true;
    }
}
