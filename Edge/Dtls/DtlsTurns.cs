namespace IvrActors.Edge.Dtls;

/// <summary>Lets only some of the handshakes compute at once, so that media keep their cores: the others wait for their peers, or for a turn.</summary>
internal sealed class DtlsTurns(int most)
{
    private readonly object _gate = new();
    private int _free = most;

    /// <summary>Half of the cores.</summary>
    public static int Most => Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Blocks until there is one; everybody gives theirs back within a few ms.</summary>
    public void Take()
    {
        lock (_gate)
        {
            while (_free == 0) Monitor.Wait(_gate);
            _free--;
        }
    }

    public void Give()
    {
        lock (_gate)
        {
            _free++;
            Monitor.Pulse(_gate);
        }
    }
}
