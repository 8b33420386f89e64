using IvrActors.Edge.Media;

namespace IvrActors.Edge.Calls;

/// <summary>Carries what the media threads report over to the signalling thread.</summary>
internal sealed class LegMedia(Action<CallLeg, MediaSignal> heard, TimeProvider time) : IMediaEvents
{
    /// <summary>Set before the session is started, so before anything is reported.</summary>
    public CallLeg? Leg { get; set; }

    public void Key(char key, int durationMs) => Post(MediaSignalKind.Key, key, 0, time.GetTimestamp());

    public void Tone(char key) => Post(MediaSignalKind.Tone, key, 0, time.GetTimestamp());

    public void PlayEnded(int playId) => Post(MediaSignalKind.PlayEnded, '\0', playId, 0);

    public void PlayStarted(int playId, long timestamp) => Post(MediaSignalKind.PlayStarted, '\0', playId, timestamp);

    public void TimedOut() => Post(MediaSignalKind.TimedOut, '\0', 0, 0);

    private void Post(MediaSignalKind kind, char key, int playId, long timestamp)
    {
        if (Leg is { } leg) heard(leg, new MediaSignal(kind, key, playId, timestamp));
    }
}
