using System.Security.Cryptography;

namespace IvrActors.Edge.Media;

/// <summary>
/// Pairs of ports: an even one for RTP, the next odd one for RTCP. The pair that has rested longest is given out first, so that late packets
/// of an ended call find nobody; the first round is shuffled, so that the next call's port cannot be guessed.
/// </summary>
internal sealed class PortPool
{
    private readonly Lock _lock = new();
    private readonly Queue<int> _free;

    public PortPool(int first, int last)
    {
        var pairs = new List<int>();
        for (var port = first + (first & 1); port + 1 <= last; port += 2) pairs.Add(port);
        var shuffled = pairs.ToArray();
        RandomNumberGenerator.Shuffle<int>(shuffled);
        _free = new Queue<int>(shuffled);
    }

    public int Free
    {
        get
        {
            lock (_lock) return _free.Count;
        }
    }

    /// <summary>The even port of a pair, or null when all are in use.</summary>
    public int? Rent()
    {
        lock (_lock) return _free.TryDequeue(out var port) ? port : null;
    }

    public void Return(int port)
    {
        lock (_lock) _free.Enqueue(port);
    }
}
