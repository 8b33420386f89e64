using IvrActors.Edge.Media;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Edge.Calls;

/// <summary>Carries what the media threads report over to the signalling thread, and tells the cluster's stream of it, without the key.</summary>
internal sealed class LegMedia(Action<CallLeg, MediaSignal> heard, MediaLane lane, TimeProvider time) : IMediaEvents
{
    /// <summary>Set before the session is started, so before anything is reported.</summary>
    public CallLeg? Leg { get; set; }

    public void Key(char key, int durationMs) => Post(MediaSignalKind.Key, key, 0, time.GetTimestamp());

    public void Tone(char key) => Post(MediaSignalKind.Tone, key, 0, time.GetTimestamp());

    public void PlayEnded(int playId) => Post(MediaSignalKind.PlayEnded, '\0', playId, 0);

    public void PlayStarted(int playId, long timestamp) => Post(MediaSignalKind.PlayStarted, '\0', playId, timestamp);

    public void TimedOut() => Post(MediaSignalKind.TimedOut, '\0', 0, 0);

    public void Measured(in MediaStatistics statistics)
    {
        if (Leg is { } leg && LegQuality.Of(statistics) is { } quality) lane.Tell(leg.Id, MediaEventKind.Quality, quality);
    }

    private void Post(MediaSignalKind kind, char key, int playId, long timestamp)
    {
        if (Leg is not { } leg) return;
        heard(leg, new MediaSignal(kind, key, playId, timestamp));
        if (EventOf(kind) is { } observed) lane.Tell(leg.Id, observed);
    }

    private static MediaEventKind? EventOf(MediaSignalKind kind) => kind switch
    {
        MediaSignalKind.Key or MediaSignalKind.Tone => MediaEventKind.Key,
        MediaSignalKind.PlayStarted => MediaEventKind.PlayStarted,
        MediaSignalKind.PlayEnded => MediaEventKind.PlayEnded,
        _ => null,
    };
}
