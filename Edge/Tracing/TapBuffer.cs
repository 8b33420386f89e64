namespace IvrActors.Edge.Tracing;

/// <summary>Messages between the threads that carry calls and the one that masks. Bounded: the oldest give way, and are counted, so that a trace slows no call.</summary>
internal sealed class TapBuffer(int mostMessages = TapBuffer.MostMessages, long mostBytes = TapBuffer.MostBytes)
{
    /// <summary>Some tenths of a second of the busiest edge; it is emptied every 100 ms.</summary>
    internal const int MostMessages = 4096;

    internal const long MostBytes = 8 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<TappedMessage> _messages = new();
    private long _bytes;
    private long _dropped;

    public void Add(TappedMessage message)
    {
        lock (_lock)
        {
            _messages.Enqueue(message);
            _bytes += message.Bytes.Length;
            while (_messages.Count > mostMessages || _bytes > mostBytes)
            {
                Dequeue().Forget();
                _dropped++;
            }
        }
    }

    /// <summary>The oldest messages, at most so many, and how many gave way since the last time.</summary>
    public (List<TappedMessage> Messages, long Dropped) Take(int most)
    {
        lock (_lock)
        {
            var taken = new List<TappedMessage>(Math.Min(most, _messages.Count));
            while (taken.Count < most && _messages.Count > 0) taken.Add(Dequeue());
            var dropped = _dropped;
            _dropped = 0;
            return (taken, dropped);
        }
    }

    private TappedMessage Dequeue()
    {
        var oldest = _messages.Dequeue();
        _bytes -= oldest.Bytes.Length;
        return oldest;
    }
}
