namespace IvrActors.Load.Media;

/// <summary>One thread that sends what all calls' phones send, a packet each 20 ms.</summary>
internal sealed class MediaSender : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Thread _thread;
    private CallMedia[] _calls = [];
    private volatile bool _stopped;

    public MediaSender()
    {
        _thread = new Thread(Run) { Name = "rtp-send", IsBackground = true };
        _thread.Start();
    }

    public void Add(CallMedia call)
    {
        lock (_gate) _calls = [.. _calls, call];
    }

    public void Remove(CallMedia call)
    {
        lock (_gate) _calls = Array.FindAll(_calls, c => c != call);
    }

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
    }

    private void Run()
    {
        while (!_stopped)
        {
            var now = DateTime.UtcNow.Ticks;
            foreach (var call in Volatile.Read(ref _calls)) call.SendDue(now);
            Thread.Sleep(1);
        }
    }
}
