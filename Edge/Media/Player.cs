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

    private readonly Queue<Item> _queue = new();
    private Item? _current;
    private int _position;
    private int _framesPending;

    private readonly record struct Item(PromptAudio? Audio, int PlayId, bool IsFirst, bool IsLast, bool Repeats = false);

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
        _queue.Enqueue(new Item(audio, 0, false, false, Repeats: true));
    }

    public void Enqueue(List<PromptAudio> audio, int playId)
    {
        // A play without anything to say still starts and ends: whoever waits for its end must get it.
        if (audio.Count == 0 || _queue.Count + audio.Count > MostQueued)
        {
            _queue.Enqueue(new Item(null, playId, true, true));
            return;
        }
        for (var i = 0; i < audio.Count; i++) _queue.Enqueue(new Item(audio[i], playId, i == 0, i == audio.Count - 1));
    }

    public void Stop()
    {
        _queue.Clear();
        _current = null;
        _position = 0;
        _framesPending = 0;
    }

    /// <summary>
    /// Fills one frame, padded with silence; adds what started and what ended with it to <paramref name="events"/>. False when there is only silence in it.
    /// </summary>
    public bool Fill(Span<byte> frame, bool aLaw, List<PlayEvent> events)
    {
        var speech = false;
        while (!frame.IsEmpty)
        {
            if (_current is null && !TakeNext(events)) break;
            var item = _current!.Value;
            if (item.Audio is { IsPending: true } && ++_framesPending <= MostFramesPending) break;
            if (item.Audio is { IsReady: false }) Skip();

            var left = item.Audio is null ? default : item.Audio.Bytes(aLaw);
            left = left[Math.Min(_position, left.Length)..];
            var count = Math.Min(left.Length, frame.Length);
            left[..count].CopyTo(frame);
            frame = frame[count..];
            _position += count;
            speech |= count > 0;
            if (count < left.Length) break;
            if (item.Repeats)
            {
                _position = 0;
                continue;
            }
            if (item.IsLast) events.Add(new PlayEvent(item.PlayId, Ended: true));
            _current = null;
        }
        frame.Fill(aLaw ? G711.ALawSilence : G711.MuLawSilence);
        return speech;
    }

    private void Skip()
    {
        Skipped++;
        MediaMetrics.SkippedPrompts.Inc();
    }

    private bool TakeNext(List<PlayEvent> events)
    {
        if (!_queue.TryDequeue(out var item)) return false;
        _current = item;
        _position = 0;
        _framesPending = 0;
        if (item.IsFirst) events.Add(new PlayEvent(item.PlayId, Ended: false));
        return true;
    }
}
