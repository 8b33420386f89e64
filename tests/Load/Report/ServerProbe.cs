using System.Globalization;

namespace IvrActors.Load.Report;

/// <summary>What the kernel says about the server's process: processor time used and resident memory, now and at most.</summary>
internal sealed class ServerProbe : IDisposable
{
    // USER_HZ, which Linux fixes at 100 for /proc on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    private readonly int _pid;
    private readonly Timer _sampler;
    private readonly double _cpuBefore;
    private readonly long _memoryBefore;
    private long _memoryPeak;

    public ServerProbe(int pid)
    {
        _pid = pid;
        _cpuBefore = CpuSeconds();
        _memoryBefore = _memoryPeak = Memory();
        _sampler = new Timer(_ => _memoryPeak = Math.Max(_memoryPeak, Memory()), null, 200, 200);
    }

    /// <summary>Since this probe was made.</summary>
    public double CpuSecondsUsed => CpuSeconds() - _cpuBefore;

    /// <summary>Bytes that the process grew by, at most.</summary>
    public long MemoryGrowth => _memoryPeak - _memoryBefore;

    public long MemoryPeak => _memoryPeak;

    public long MemoryBefore => _memoryBefore;

    public long MemoryNow => Memory();

    /// <summary>Seconds of processor time used since the process began.</summary>
    public double CpuSecondsNow => CpuSeconds();

    public void Dispose() => _sampler.Dispose();

    private double CpuSeconds()
    {
        var stat = File.ReadAllText($"/proc/{_pid}/stat");
        // The name in parentheses may hold blanks: utime and stime are the 12th and 13th field behind it.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    private long Memory()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return 1024 * long.Parse(line.AsSpan(6).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return 0; // the process ended while it was looked at; the scenario fails by its calls
        }
    }
}
