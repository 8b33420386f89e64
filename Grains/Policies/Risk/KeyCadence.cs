using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// Finds calls whose keys come as no finger presses them. A key's time is when its first packet came, so the network's jitter is in it (some ms), and a telephone that sends
/// only each 20 ms rounds it. Fingers spread by 40 ms and more; machines by what the network adds. Numbers that a telephone dials from its memory look like a machine, and are one: that is why this raises
/// a risk a little and decides nothing.
/// </summary>
internal sealed class KeyCadence
{
    /// <summary>Twice what one edge carries; when it is full, those that were quiet longest go.</summary>
    internal const int MostCalls = 10_000;

    /// <summary>Keys that are looked at together: fewer can be even by chance.</summary>
    internal const int Keys = 6;

    /// <summary>Standard deviation of the times between keys up to which they are a machine's.</summary>
    internal const double RegularMs = 8;

    /// <summary>Half of the times between keys below this are a machine's: a tone alone is to last 40 ms (ITU-T Q.24).</summary>
    internal const double FastMs = 40;

    /// <summary>Whoever pauses so long listens to a prompt, or looks for a number.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly Dictionary<CallId, Pressed> _calls = [];

    public int Count => _calls.Count;

    /// <summary>A key was pressed. True when it makes the call look like a machine's for the first time.</summary>
    public bool Press(CallId call, DateTimeOffset at)
    {
        if (!_calls.TryGetValue(call, out var pressed))
        {
            if (_calls.Count >= MostCalls) MakeRoom();
            _calls[call] = pressed = new Pressed();
        }
        return pressed.Add(at) && IsMachine(pressed.Gaps) && pressed.Report();
    }

    /// <summary>Whether so many times between keys, in ms, are a machine's.</summary>
    internal static bool IsMachine(ReadOnlySpan<double> gaps)
    {
        if (gaps.Length < Keys - 1) return false;
        var (mean, fast) = (0.0, 0);
        foreach (var gap in gaps)
        {
            mean += gap / gaps.Length;
            if (gap < FastMs) fast++;
        }
        if (2 * fast > gaps.Length) return true;
        var variance = 0.0;
        foreach (var gap in gaps) variance += (gap - mean) * (gap - mean) / (gaps.Length - 1);
        return variance <= RegularMs * RegularMs;
    }

    private void MakeRoom()
    {
        foreach (var call in _calls.OrderBy(entry => entry.Value.Last).Take(MostCalls / 10).Select(entry => entry.Key).ToList()) _calls.Remove(call);
    }

    private sealed class Pressed
    {
        private readonly double[] _gaps = new double[Keys - 1];
        private int _count;
        private bool _isReported;

        public DateTimeOffset Last { get; private set; }

        public ReadOnlySpan<double> Gaps => _gaps.AsSpan(0, _count);

        /// <summary>False when the key begins a new run.</summary>
        public bool Add(DateTimeOffset at)
        {
            var gap = at - Last;
            Last = at;
            // What comes from before is out of order: nothing can be told from it.
            if (gap > Pause || gap < TimeSpan.Zero)
            {
                _count = 0;
                return false;
            }
            if (_count == _gaps.Length) Array.Copy(_gaps, 1, _gaps, 0, --_count);
            _gaps[_count++] = gap.TotalMilliseconds;
            return true;
        }

        public bool Report() => !_isReported && (_isReported = true);
    }
}
