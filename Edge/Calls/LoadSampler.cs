using IvrActors.Edge.Admission;
using Microsoft.Extensions.Hosting;

namespace IvrActors.Edge.Calls;

/// <summary>Measures the load of this edge ten times a second and tells the gate.</summary>
internal sealed class LoadSampler(EdgeLoop loop, CallGate gate, LatencyWindow latencies, TimeProvider time) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>Latencies halve and memory is looked at once a second.</summary>
    private const int Slow = 10;

    private readonly LoopDelays _delays = new();
    private long _probedAt;
    private long _delay;
    private int _outstanding;
    private ProcessorShare _cpu;
    private double _memory;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        var (busy, at) = (Environment.CpuUsage.TotalTime, Now);
        for (var i = 0; ; i++)
        {
            try
            {
                if (!await timer.WaitForNextTickAsync(stoppingToken)) return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            var (busyNow, now) = (Environment.CpuUsage.TotalTime, Now);
            _cpu.Add(busyNow - busy, TimeSpan.FromTicks(now - at), Environment.ProcessorCount);
            (busy, at) = (busyNow, now);
            if (i % Slow == 0)
            {
                _memory = Environment.WorkingSet / (double)Math.Max(1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
                latencies.Age();
            }
            Probe(now);
            gate.Observe(new LoadReading(_cpu.Value, _memory, _delays.Standing, latencies.Quantile(0.9), loop.Transactions));
            AdmissionMetrics.Show(gate.State);
        }
    }

    private long Now => time.GetElapsedTime(0).Ticks;

    /// <summary>Sends a probe through the queue of the signalling thread. One that is not back yet has waited at least until now.</summary>
    private void Probe(long now)
    {
        var isBack = Volatile.Read(ref _outstanding) == 0;
        if (isBack) _delays.Returned(TimeSpan.FromTicks(Interlocked.Read(ref _delay)));
        else _delays.Waiting(TimeSpan.FromTicks(now - _probedAt));
        if (!isBack) return;
        _probedAt = now;
        Volatile.Write(ref _outstanding, 1);
        loop.Post(new LoopInput(LoopInputKind.Run, (Action<long>)Passed));
    }

    private void Passed(long now)
    {
        Interlocked.Exchange(ref _delay, Math.Max(0, now - _probedAt));
        Volatile.Write(ref _outstanding, 0);
    }
}
