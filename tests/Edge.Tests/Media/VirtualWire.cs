using System.Net;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Tests.Media;

/// <summary>A network in memory: what the engine sends is kept, what a test sends is handed over at the next poll.</summary>
internal sealed class VirtualWire : IMediaWire
{
    private readonly Queue<(int Port, byte[] Datagram, MediaAddress From)> _incoming = new();

    public Dictionary<int, Port> Open { get; } = [];
    public HashSet<int> Taken { get; } = [];
    public List<(int Port, byte[] Datagram, MediaAddress To)> Sent { get; } = [];

    IMediaPort? IMediaWire.Open(IPAddress address, int port, bool rtcp, IMediaInput input)
    {
        if (Taken.Contains(port) || Open.ContainsKey(port)) return null;
        return Open[port] = new Port(this, port, rtcp, input);
    }

    /// <summary>Called at each poll, before what it brings.</summary>
    public Action? Polled { get; set; }

    public void Arrive(int port, byte[] datagram, MediaAddress from) => _incoming.Enqueue((port, datagram, from));

    public bool Poll()
    {
        Polled?.Invoke();
        if (!_incoming.TryDequeue(out var one)) return false;
        if (Open.TryGetValue(one.Port, out var port)) port.Input.Receive(one.Datagram, one.From, port.IsRtcp);
        return true;
    }

    public void PreferThisThread()
    {
    }

    public void WaitUntil(long timestamp) => throw new InvalidOperationException("virtual time does not wait");

    public void Dispose() => Open.Clear();

    internal sealed class Port(VirtualWire wire, int number, bool rtcp, IMediaInput input) : IMediaPort
    {
        public bool IsRtcp => rtcp;
        public IMediaInput Input => input;

        public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            wire.Sent.Add((number, datagram.ToArray(), to));
            return true;
        }

        public void Dispose() => wire.Open.Remove(number);
    }
}

internal sealed class HeardEvents : IMediaEvents
{
    public List<char> Keys { get; } = [];
    public List<char> Tones { get; } = [];
    public List<int> Started { get; } = [];
    public List<int> Ended { get; } = [];
    public int TimeOuts;

    public void Key(char key, int durationMs)
    {
        lock (Keys) Keys.Add(key);
    }

    public void Tone(char key)
    {
        lock (Tones) Tones.Add(key);
    }

    public void PlayEnded(int playId)
    {
        lock (Ended) Ended.Add(playId);
    }

    public void PlayStarted(int playId, long timestamp)
    {
        lock (Started) Started.Add(playId);
    }

    public void TimedOut() => Interlocked.Increment(ref TimeOuts);

    public int Measurements { get; private set; }

    void IMediaEvents.Measured(in MediaStatistics statistics) => Measurements++;
}
