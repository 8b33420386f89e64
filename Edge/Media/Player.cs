namespace IvrActors.Edge.Media;

/// <summary>What a frame of 20 ms changed.</summary>
public readonly record struct PlayEvent(int PlayId, bool Ended);

/// <summary>
/// The queue of prompts of one call, given out in frames of 160 bytes without a gap between prompts. Holds no audio of its own. Not safe for
/// several threads at once.
/// </summary>
public sealed class Player
{
    /// <summary>Frames (3 s) of silence that a prompt still being rendered may cost, before it is skipped.</summary>
    public const int MostFramesPending = 150;

    /// <summary>Prompts in the queue of one call; a flow that queues more is at fault, and its call must not take the memory.</summary>
    public const int MostQueued = 1000;

    /// <summary>Frames (a minute) that a caller may keep a prompt waiting; then it goes on, for somebody who put the telephone down does not.</summary>
    public const int MostFramesPaused = 3000;

    private readonly Queue<Track> _queue = new();
    private Track? _current;
    private int _index;
    private int _position;
    private int _queued;
    private int _framesPending;
    private int _framesPaused;
    private bool _paused;

    private sealed record Track(List<PromptAudio> Audio, int PlayId, bool Repeats = false);

    /// <summary>Prompts that were skipped because they never became ready.</summary>
    public int Skipped { get; private set; }

    public bool IsIdle => _current is null && _queue.Count == 0;

    /// <summary>Whether a sound is repeated until <see cref="Stop"/>.</summary>
    public bool IsRepeating => _current is { Repeats: true } || (_queue.TryPeek(out var next) && next.Repeats);

    /// <summary>Repeats a sound, which must be ready and not empty, until <see cref="Stop"/>; in place of all that waits.</summary>
    public void Repeat(PromptAudio audio)
    {
        Stop();
        // It neither starts nor ends for anybody who waits for it.
        _queue.Enqueue(new Track([audio], 0, Repeats: true));
    }

    public void Enqueue(List<PromptAudio> audio, int playId)
    {
        // A play without anything to say still starts and ends: whoever waits for its end must get it.
        if (_queued + audio.Count > MostQueued) audio = [];
        _queued += audio.Count;
        _queue.Enqueue(new Track(audio, playId));
    }

    /// <summary>The call has come to Opus: what waits is needed in it.</summary>
    public void PrepareOpus()
    {
        _current?.Audio.ForEach(audio => audio.PrepareOpus());
        foreach (var track in _queue) track.Audio.ForEach(audio => audio.PrepareOpus());
    }

    public void Stop()
    {
        _queue.Clear();
        _current = null;
        (_index, _position, _queued, _framesPending) = (0, 0, 0, 0);
        GoOn();
    }

    /// <summary>Moves within what plays, by samples; not further than to its beginning and its end. The next frame is from there.</summary>
    /// <returns>False when it is not this play that plays.</returns>
    public bool Seek(int playId, int samples)
    {
        if (_current is not { Repeats: false } track || track.PlayId != playId) return false;
        GoOn();
        var position = (long)_position + samples;
        while (position < 0 && _index > 0) position += Length(track, --_index);
        while (_index < track.Audio.Count && position >= Length(track, _index)) position -= Length(track, _index++);
        // The end is told with the next frame. Frames of Opus cannot be cut, so it is moved by whole frames.
        _position = _index == track.Audio.Count ? 0 : (int)Math.Max(0, position) / Telephone.FrameSamples * Telephone.FrameSamples;
        _framesPending = 0;
        return true;
    }

    /// <summary>Keeps what plays waiting where it is, or lets it go on.</summary>
    /// <returns>False when it is not this play that plays.</returns>
    public bool TogglePause(int playId)
    {
        if (_current is not { Repeats: false } track || track.PlayId != playId) return false;
        if (_paused) GoOn();
        else _paused = true;
        return true;
    }

    /// <summary>
    /// Fills one frame, padded with silence; adds what started and what ended with it to <paramref name="events"/>. False when there is only silence in it.
    /// </summary>
    /// <param name="opus">Gets the same as one frame of Opus, when it has room for that. Its frames cannot be cut, so a prompt then ends with a frame.</param>
    public bool Fill(Span<byte> frame, bool aLaw, List<PlayEvent> events, Span<byte> opus = default)
    {
        var speech = false;
        var silence = aLaw ? G711.ALawSilence : G711.MuLawSilence;
        OpusAudio.Silence.AsSpan(0, opus.Length).CopyTo(opus);
        if (_paused && ++_framesPaused > MostFramesPaused) GoOn();
        while (!frame.IsEmpty && !_paused)
        {
            if (_current is null && !TakeNext(events)) break;
            var track = _current!;
            if (_index < track.Audio.Count)
            {
                var audio = track.Audio[_index];
                if (audio.IsPendingAs(!opus.IsEmpty) && ++_framesPending <= MostFramesPending) break;
                if (!audio.IsReady) Skip();

                var left = audio.Bytes(aLaw)[_position..];
                var count = Math.Min(left.Length, frame.Length);
                left[..count].CopyTo(frame);
                frame = frame[count..];
                if (!opus.IsEmpty && count > 0)
                {
                    audio.OpusFrame(_position / Telephone.FrameSamples).CopyTo(opus);
                    frame.Fill(silence);
                    frame = default;
                }
                _position += count;
                speech |= count > 0;
                if (count < left.Length) break;
                (_position, _framesPending) = (0, 0);
                _index++;
            }
            if (_index < track.Audio.Count) continue;
            if (track.Repeats)
            {
                _index = 0;
                continue;
            }
            events.Add(new PlayEvent(track.PlayId, Ended: true));
            _queued -= track.Audio.Count;
            _current = null;
        }
        frame.Fill(silence);
        return speech;
    }

    private static int Length(Track track, int index) => track.Audio[index].Bytes(aLaw: false).Length;

    private void GoOn() => (_paused, _framesPaused) = (false, 0);

    private void Skip()
    {
        Skipped++;
        MediaMetrics.SkippedPrompts.Inc();
    }

    private bool TakeNext(List<PlayEvent> events)
    {
        if (!_queue.TryDequeue(out var next)) return false;
        _current = next;
        (_index, _position, _framesPending) = (0, 0, 0);
        if (!next.Repeats) events.Add(new PlayEvent(next.PlayId, Ended: false));
        return true;
    }
}
