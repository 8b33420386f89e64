using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace IvrActors.Load.Report;

/// <summary>What one scenario measured.</summary>
internal sealed class Result
{
    public required string Name { get; init; }
    public required string Transport { get; init; }

    public int Started, Completed, InviteRepeats;
    public double Seconds, CpuSeconds;

    /// <summary>Cores that the generator itself used.</summary>
    public double OwnCores;
    public long MemoryGrowth, MemoryPeak, SocketDrops;
    public long MemoryBefore, MemoryAfter;

    /// <summary>INVITEs of a flood, and what was answered to it.</summary>
    public long Flooded;
    public IReadOnlyDictionary<string, int> FloodAnswers = new Dictionary<string, int>();
    public int MostAtOnce;

    /// <summary>Inputs that the server did not answer at once, and said so.</summary>
    public int AskedForPatience;
    public long PacketsReceived, PacketsLost, MediaFaults;

    /// <summary>Frames of 20 ms that the server did not send because its clock was late, and said so by the timestamp. The gaps show them too.</summary>
    public int FramesLeftOut;

    /// <summary>INVITE sent to 200 received.</summary>
    public Histogram Setup { get; } = new();

    /// <summary>From the first packet of an input's last key (and from its first end packet) to the first RTP packet that is not silence.</summary>
    public Histogram KeyToPrompt { get; } = new();
    public Histogram KeyEndToPrompt { get; } = new();
    /// <summary>The same to the first packet that is not of the tone by which the server asks for patience.</summary>
    public Histogram KeyToControl { get; } = new(TimeSpan.TicksPerMillisecond);
    public ConcurrentDictionary<string, Histogram> KeyToPromptOf { get; } = new();

    /// <summary>Between two RTP packets of a call as the kernel received them.</summary>
    public Histogram Gap { get; } = new();

    /// <summary>The same of <c>play</c> before its last call began and after its first ended.</summary>
    public Histogram UnsteadyGap { get; } = new();

    /// <summary>Whether all calls are up; a scenario that knows no such time is always steady.</summary>
    public volatile bool IsSteady = true;

    /// <summary>Cores that the server used while all calls were up; 0 where that was not measured.</summary>
    public double SteadyCores;

    public Histogram GapNow => IsSteady ? Gap : UnsteadyGap;

    /// <summary>Of calls that another edge took over: from the last packet of the first edge to the first one of the second, in ticks.</summary>
    public ConcurrentBag<long> Silences { get; } = [];

    public ConcurrentDictionary<string, int> Failures { get; } = new();

    public int Failed => Failures.Values.Sum();

    public void Fail(string reason) => Failures.AddOrUpdate(reason, 1, (_, n) => n + 1);

    public static string Table(IReadOnlyList<Result> results)
    {
        var rows = new List<string[]>
        {
            new[] { "scenario", "over", "calls", "at once", "calls/s", "failed", "set-up p50 / p99", "key→prompt p50 / p99", "key end→prompt p50 / p99", "RTP gap p50 / p99 / max", "RTP lost", "CPU/call", "cores", "memory/call", "memory" },
        };
        rows.AddRange(results.Select(r => r.Row()));
        var widths = Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length)).ToArray();
        rows.Insert(1, [.. widths.Select(w => new string('-', w))]);
        var text = new StringBuilder();
        foreach (var row in rows)
            text.Append("| ").AppendJoin(" | ", row.Select((cell, c) => cell.PadRight(widths[c]))).Append(" |\n");
        foreach (var r in results) r.Notes(text);
        return text.ToString();
    }

    private string[] Row() =>
    [
        Name, Transport, Text(Started, ""), Text(MostAtOnce, ""), Text(Completed / Seconds, "", "0.0"), Text(Failed, ""),
        Quantiles(Setup), Quantiles(KeyToPrompt), Quantiles(KeyEndToPrompt),
        Gap.Count == 0 ? "–" : $"{Quantiles(Gap)} / {Text(Gap.MaxMs, " ms", "0.0")}",
        PacketsReceived == 0 ? "–" : Text(PacketsLost, ""),
        CpuSeconds > 0 ? Text(1000 * CpuSeconds / Math.Max(1, Started), " ms", "0.00") : "–",
        CpuSeconds > 0 ? Text(SteadyCores > 0 ? SteadyCores : CpuSeconds / Seconds, "", "0.00") : "–",
        MemoryPeak > 0 && MostAtOnce > 0 ? Text(MemoryGrowth / 1024.0 / MostAtOnce, " KB", "0") : "–",
        MemoryPeak > 0 ? Text(MemoryPeak / 1048576.0, " MB", "0") : "–",
    ];

    private void Notes(StringBuilder text)
    {
        foreach (var (reason, count) in Failures.OrderByDescending(f => f.Value)) text.Append(CultureInfo.InvariantCulture, $"{Name}: {count} failed: {reason}\n");
        foreach (var (input, times) in KeyToPromptOf.OrderBy(k => k.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{Name}: key→prompt after {input}: {Quantiles(times)} ({times.Count} times)\n");
        if (KeyToControl.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $"{Name}: heard nothing after an input for {KeyToPrompt.MaxMs:0} ms at most; key→answering prompt {Quantiles(KeyToControl)} / {Text(KeyToControl.MaxMs, " ms", "0.0")}, asked for patience {AskedForPatience} times\n");
        if (UnsteadyGap.Count > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: RTP gap while calls began and ended: {Quantiles(UnsteadyGap)} / {Text(UnsteadyGap.MaxMs, " ms", "0.0")}; the table's RTP gap and cores are of the time while all were up\n");
        if (Flooded > 0)
        {
            var answers = string.Join(", ", FloodAnswers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Value} x {a.Key}"));
            text.Append(CultureInfo.InvariantCulture, $"{Name}: {Flooded} INVITEs of the flood were answered by {answers}\n");
            if (MemoryPeak > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: memory {MemoryBefore / 1048576} MB before, {MemoryPeak / 1048576} MB at most, {MemoryAfter / 1048576} MB afterwards\n");
        }
        if (!Silences.IsEmpty)
        {
            var silences = Silences.Order().Select(ticks => TimeSpan.FromTicks(ticks).TotalSeconds).ToList();
            text.Append(CultureInfo.InvariantCulture, $"{Name}: {silences.Count} calls were taken over by another edge, after a silence of {silences[0]:0.0} s at least, {silences[silences.Count / 2]:0.0} s for half of them, {silences[^1]:0.0} s at most\n");
        }
        if (InviteRepeats > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: {InviteRepeats} INVITEs were repeated for want of an answer within 500 ms\n");
        if (MediaFaults > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: {MediaFaults} RTP packets were wrong (codec, size, source, order, timestamp or SRTP tag)\n");
        if (FramesLeftOut > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: the server left out {FramesLeftOut} frames because its media clock was late\n");
        if (OwnCores > 0.8) text.Append(CultureInfo.InvariantCulture, $"{Name}: the generator itself used {OwnCores:0.00} cores: it may be what limits these figures\n");
        if (SocketDrops > 0) text.Append(CultureInfo.InvariantCulture, $"{Name}: the generator itself dropped {SocketDrops} packets: its core is too busy for these figures to hold\n");
    }

    private static string Quantiles(Histogram h) => h.Count == 0 ? "–" : $"{Text(h.QuantileMs(0.5), "", "0.0")} / {Text(h.QuantileMs(0.99), " ms", "0.0")}";

    private static string Text(double value, string unit, string format = "0") => value.ToString(format, CultureInfo.InvariantCulture) + unit;
}
