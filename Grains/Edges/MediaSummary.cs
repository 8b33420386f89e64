using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Grains.Edges;

/// <summary>Sums up the media events of the last minute. Pure; bounded whatever comes.</summary>
internal sealed class MediaSummary
{
    /// <summary>Calls whose last opinion is kept: twice what one edge carries.</summary>
    internal const int MostCalls = 10_000;

    /// <summary>ITU-T G.109: below, some users are dissatisfied.</summary>
    private const double PoorMos = 3.6;

    /// <summary>ITU-T P.800: what opinions can be. What is no number is none, and one would make the mean of all others none.</summary>
    private const double LeastMos = 1, MostMos = 5;

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private readonly Dictionary<CallId, (DateTimeOffset At, double Mos)> _calls = [];
    private readonly Queue<(DateTimeOffset At, int Keys, int Plays)> _batches = new();
    private int _keys;
    private int _plays;

    public void Add(MediaEventBatch batch, DateTimeOffset now)
    {
        var (keys, plays) = (0, 0);
        foreach (var one in batch.Events)
        {
            switch (one.Kind)
            {
                case MediaEventKind.Key:
                    keys++;
                    break;
                case MediaEventKind.PlayStarted:
                    plays++;
                    break;
                case MediaEventKind.Quality when one.Quality?.Mos is { } mos and >= LeastMos and <= MostMos && (_calls.Count < MostCalls || _calls.ContainsKey(one.Call)):
                    _calls[one.Call] = (now, mos);
                    break;
            }
        }
        _batches.Enqueue((now, keys, plays));
        (_keys, _plays) = (_keys + keys, _plays + plays);
        Forget(now);
    }

    public MediaView Read(DateTimeOffset now)
    {
        Forget(now);
        foreach (var (call, last) in _calls)
        {
            if (now - last.At > s_window) _calls.Remove(call);
        }
        return new MediaView
        {
            Calls = _calls.Count,
            Poor = _calls.Values.Count(last => last.Mos < PoorMos),
            Mos = _calls.Count == 0 ? null : _calls.Values.Average(last => last.Mos),
            Keys = _keys,
            Plays = _plays,
        };
    }

    private void Forget(DateTimeOffset now)
    {
        while (_batches.TryPeek(out var oldest) && now - oldest.At > s_window)
        {
            (_keys, _plays) = (_keys - oldest.Keys, _plays - oldest.Plays);
            _batches.Dequeue();
        }
        // Nobody reads: the calls are swept before their room is used up.
        if (_calls.Count < MostCalls) return;
        foreach (var (call, last) in _calls)
        {
            if (now - last.At > s_window) _calls.Remove(call);
        }
    }
}
