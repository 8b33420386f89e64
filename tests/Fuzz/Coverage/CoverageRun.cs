using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace IvrActors.Fuzz.Coverage;

/// <summary>Coverage-guided fuzzing: an input that takes a new way through the code joins those that mutation starts from.</summary>
internal sealed class CoverageRun
{
    /// <summary>Half of the inputs start from this many of the newest finds: what lies behind a door is looked for while it is open.</summary>
    private const int Newest = 32;

    private readonly IFuzzTarget _target;
    private readonly CoverageMap _map = new();
    private readonly List<byte[]> _inputs = [];
    private readonly int _seeds;

    internal CoverageRun(IFuzzTarget target, IEnumerable<byte[]> seeds)
    {
        _target = target;
        foreach (var seed in seeds)
        {
            Try(seed);
            _inputs.Add(seed);
        }
        (_seeds, StartEdges) = (_inputs.Count, _map.Edges);
    }

    internal int StartEdges { get; }

    internal long Executions { get; private set; }

    internal IEnumerable<byte[]> Found => _inputs.Skip(_seeds);

    /// <summary>Runs for a time. Throws <see cref="FuzzException"/> with the input that broke the target.</summary>
    internal string Run(TimeSpan time, int seed)
    {
        var started = Stopwatch.GetTimestamp();
        var mutator = new Mutator(seed, _inputs, _target.Dictionary) { Newest = Newest };
        using var watchdog = new Watchdog(_target.Name);
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            var input = mutator.Next();
            watchdog.Begin(input);
            if (Try(input))
                _inputs.Add(input.ToArray());
            Executions++;
        }
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_target.Name}: {Executions} executions in {time.TotalSeconds:F0} s, edges {StartEdges} -> {_map.Edges}, inputs {_seeds} -> {_inputs.Count}, no finding");
    }

    /// <summary>The fewest and smallest inputs that take every edge which any of them takes: greedy, smallest first.</summary>
    internal static List<byte[]> Minimise(IFuzzTarget target, IEnumerable<byte[]> committed, IEnumerable<byte[]> found)
    {
        var map = new CoverageMap();
        HashSet<int> covered = [];
        foreach (var input in committed)
            covered.UnionWith(EdgesOf(target, map, input));
        List<byte[]> kept = [];
        foreach (var input in found.OrderBy(input => input.Length))
        {
            var edges = EdgesOf(target, map, input);
            if (edges.IsSubsetOf(covered))
                continue;
            var news = edges.Except(covered).ToArray();
            kept.Add(Shortened(target, map, input, news));
            covered.UnionWith(edges);
        }
        return kept;
    }

    /// <summary>Name of the file for an input: the same input gets the same name.</summary>
    internal static string NameOf(byte[] input) => Corpus.Found + Convert.ToHexStringLower(SHA256.HashData(input))[..12] + ".dat";

    private bool Try(ReadOnlyMemory<byte> input)
    {
        _map.Begin();
        FuzzRun.RunTimed(_target, input);
        return _map.Take();
    }

    /// <summary>Leaves out parts of an input as long as it still takes the edges for which it is kept.</summary>
    private static byte[] Shortened(IFuzzTarget target, CoverageMap map, byte[] input, int[] edges)
    {
        for (var size = input.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= input.Length;)
            {
                byte[] shorter = [.. input.AsSpan(0, at), .. input.AsSpan(at + size)];
                if (EdgesOf(target, map, shorter).IsSupersetOf(edges))
                    input = shorter;
                else
                    at += size;
            }
        }
        return input;
    }

    private static HashSet<int> EdgesOf(IFuzzTarget target, CoverageMap map, byte[] input)
    {
        map.Begin();
        FuzzRun.RunTimed(target, input);
        return CoverageMap.Taken();
    }
}
