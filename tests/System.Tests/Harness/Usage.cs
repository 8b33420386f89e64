using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>Processor time and memory of a process and of those that it began, as the kernel counts them.</summary>
internal readonly record struct Usage(double CpuSeconds, double Megabytes)
{
    private static readonly double s_ticks = 100; // USER_HZ, which the kernel has fixed for programs.

    public static Usage Of(int process)
    {
        var sum = new Usage();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id)) continue;
            try
            {
                // Behind the name, which may hold anything: state, parent, …, utime, stime, cutime, cstime (proc(5)).
                var fields = File.ReadAllText(Path.Combine(folder, "stat"))[..].Split(") ")[^1].Split(' ');
                if (id != process && fields[1] != process.ToString(CultureInfo.InvariantCulture)) continue;
                // What its children that ended used counts with it.
                var ticks = fields.Skip(11).Take(id == process ? 4 : 2).Sum(field => double.Parse(field, CultureInfo.InvariantCulture));
                var pages = double.Parse(File.ReadAllText(Path.Combine(folder, "statm")).Split(' ')[1], CultureInfo.InvariantCulture);
                sum = new Usage(sum.CpuSeconds + ticks / s_ticks, sum.Megabytes + pages * Environment.SystemPageSize / 1048576);
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }
        return sum;
    }

    public static Usage operator -(Usage after, Usage before) => new(after.CpuSeconds - before.CpuSeconds, after.Megabytes - before.Megabytes);

    public static Usage operator +(Usage one, Usage other) => new(one.CpuSeconds + other.CpuSeconds, one.Megabytes + other.Megabytes);
}
