using IvrActors.Grains.Interfaces.Tracing;

namespace IvrActors.Grains.Tracing;

/// <summary>Messages that wait for the reader of a trace. Bounded: the oldest give way and are counted.</summary>
internal sealed class TraceBuffer
{
    private readonly Queue<TracedMessage> _waiting = new();
    private long _characters;

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>How many were lost, here and at the edges.</summary>
    public long Dropped { get; private set; }

    /// <summary>How many came.</summary>
    public long Total { get; private set; }

    public void Add(IEnumerable<TracedMessage> messages, long lostBefore)
    {
        Dropped += Math.Max(0, lostBefore);
        foreach (var message in messages)
        {
            Total++;
            if (message.Text.Length > TraceRules.MostText)
            {
                Dropped++;
                continue;
            }
            _waiting.Enqueue(message);
            _characters += message.Text.Length;
            while (_waiting.Count > TraceRules.MostWaiting || _characters > TraceRules.MostWaitingCharacters)
            {
                Dequeue();
                Dropped++;
            }
        }
    }

    public List<TracedMessage> Take()
    {
        var taken = new List<TracedMessage>(Math.Min(_waiting.Count, TraceRules.MostRead));
        while (taken.Count < TraceRules.MostRead && _waiting.Count > 0) taken.Add(Dequeue());
        return taken;
    }

    private TracedMessage Dequeue()
    {
        var oldest = _waiting.Dequeue();
        _characters -= oldest.Text.Length;
        return oldest;
    }
}
