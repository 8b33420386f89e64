using IvrActors.Edge.Net;

namespace IvrActors.Edge.Media;

/// <summary>
/// The media clock: one thread that sends for and receives from many calls. At each step of 2 ms it takes what came in, then lets the calls of that
/// step's slot send their frame.
/// </summary>
internal sealed class MediaLoop : IDisposable
{
    /// <summary>Steps between two updates of the metrics: 100 ms.</summary>
    private const int StepsPerFlush = 50;

    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly List<MediaSession>[] _slots;
    private readonly ManualResetEventSlim _anySession = new();
    private readonly Thread? _thread;
    private MediaSession[] _due = [];
    private FrameSchedule _schedule;
    private volatile bool _stopping;
    private int _sessions;
    private int _stepsSinceFlush;

    /// <param name="ownThread">False in tests, which call <see cref="RunDue"/> in virtual time.</param>
    public MediaLoop(IMediaWire wire, TimeProvider time, bool ownThread)
    {
        _time = time;
        Wire = wire;
        _slots = new List<MediaSession>[FrameSchedule.SlotsPerFrame];
        for (var i = 0; i < _slots.Length; i++) _slots[i] = [];
        _schedule = new FrameSchedule(time.GetTimestamp(), time.TimestampFrequency);
        if (!ownThread) return;
        _thread = new Thread(Run) { IsBackground = true, Name = "media clock" };
        _thread.Start();
    }

    public IMediaWire Wire { get; }

    public MediaTally Tally { get; } = new();

    /// <summary>Sessions of this loop, to spread new ones.</summary>
    public int Sessions => Volatile.Read(ref _sessions);

    /// <summary>Gives the session the slot with the fewest calls. It gets its first frame within 20 ms.</summary>
    public void Add(MediaSession session)
    {
        lock (_lock)
        {
            var slot = 0;
            for (var i = 1; i < _slots.Length; i++)
            {
                if (_slots[i].Count < _slots[slot].Count) slot = i;
            }
            _slots[slot].Add(session);
            session.Slot = slot;
            _sessions++;
            _anySession.Set();
        }
    }

    public void Remove(MediaSession session)
    {
        lock (_lock)
        {
            if (!_slots[session.Slot].Remove(session)) return;
            _sessions--;
            if (_sessions == 0 && !_stopping) _anySession.Reset();
        }
    }

    /// <summary>Takes all that came in, and has each frame sent when it is due meanwhile: neither waits for the other, however much comes.</summary>
    public void RunDue()
    {
        bool any;
        do
        {
            any = Wire.Poll();
            if (!_schedule.TryTake(_time.GetTimestamp(), out var frame, out var slot)) continue;
            RunSlot(frame, slot);
            any = true;
        }
        while (any && !_stopping);
    }

    private void RunSlot(long frame, int slot)
    {
        int count;
        lock (_lock)
        {
            // A copy, so that sessions may come and go meanwhile; the array is reused.
            var sessions = _slots[slot];
            count = sessions.Count;
            if (_due.Length < count) _due = new MediaSession[count * 2];
            sessions.CopyTo(_due);
        }
        for (var i = 0; i < count; i++) _due[i].OnFrame(frame);
        Array.Clear(_due, 0, count);

        if (++_stepsSinceFlush < StepsPerFlush) return;
        _stepsSinceFlush = 0;
        Tally.Flush();
    }

    private void Run()
    {
        Wire.PreferThisThread();
        while (!_stopping)
        {
            if (!_anySession.IsSet)
            {
                Tally.Flush();
                _anySession.Wait();
                // Whoever comes now is new: no session has seen a frame number of the old schedule.
                _schedule = new FrameSchedule(_time.GetTimestamp(), _time.TimestampFrequency);
            }
            Wire.WaitUntil(_schedule.NextDue);
            RunDue();
        }
        Tally.Flush();
    }

    public MediaSession[] CopyOfSessions()
    {
        lock (_lock) return [.. _slots.SelectMany(slot => slot)];
    }

    public void Dispose()
    {
        _stopping = true;
        _anySession.Set();
        _thread?.Join();
        Wire.Dispose();
    }
}

/// <summary>Counts of one loop since the last flush. Touched by the loop's thread only.</summary>
internal sealed class MediaTally
{
    private const int GapBuckets = 1000;

    private readonly int[] _gaps = new int[GapBuckets + 1]; // By 0.1 ms up to 100 ms; the last one is all that is longer.
    private double _longestGap;

    public int Sent;
    public int Received;
    public int AuthFailures;
    public int Digits;
    public int Relayed;

    public void AddGap(double seconds)
    {
        _gaps[(int)Math.Clamp(seconds * 10_000, 0, GapBuckets)]++;
        if (seconds > _longestGap) _longestGap = seconds;
    }

    public void Flush()
    {
        if (Sent > 0) MediaMetrics.PacketsOut.Inc(Sent);
        if (Received > 0) MediaMetrics.PacketsIn.Inc(Received);
        if (AuthFailures > 0) MediaMetrics.SrtpAuthFailures.Inc(AuthFailures);
        if (Digits > 0) MediaMetrics.Digits.Inc(Digits);
        if (Relayed > 0) MediaMetrics.Relayed.Inc(Relayed);
        (Sent, Received, AuthFailures, Digits, Relayed) = (0, 0, 0, 0, 0);
        for (var i = 0; i < _gaps.Length; i++)
        {
            if (_gaps[i] == 0) continue;
            MediaMetrics.SendGap.Observe(i == GapBuckets ? _longestGap : (i + 0.5) / 10_000, _gaps[i]);
            _gaps[i] = 0;
        }
        _longestGap = 0;
    }
}
