using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace IvrActors.Fuzz.Coverage;

/// <summary>
/// The edges that an input takes, as the instrumented code counts them: one byte of <see cref="Trace.SharedMem"/> for each edge. An input is new
/// when it takes an edge for the first time, or another power of two as often as any before it (as afl does).
/// </summary>
internal sealed unsafe class CoverageMap
{
    private const int Size = 1 << 16;

    private static readonly byte[] Buckets = [.. Enumerable.Range(0, 256).Select(Bucket)];

    private readonly byte[] _seen = new byte[Size];

    internal CoverageMap() => Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(Size);

    /// <summary>Edges taken so far.</summary>
    internal int Edges { get; private set; }

    /// <summary>Whether the code under test reports edges at all.</summary>
    internal static bool IsInstrumented =>
        typeof(Edge.Sip.Message.SipParser).Assembly.GetReferencedAssemblies().Any(name => name.Name == typeof(Trace).Assembly.GetName().Name);

    /// <summary>Gives instrumented code somewhere to count before anything of it runs.</summary>
    internal static void Prepare() => Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(Size);

    internal void Begin()
    {
        new Span<byte>(Trace.SharedMem, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Adds what ran since <see cref="Begin"/>; whether any of it is new.</summary>
    internal bool Take()
    {
        var isNew = false;
        var words = (ulong*)Trace.SharedMem;
        for (var word = 0; word < Size / sizeof(ulong); word++)
        {
            if (words[word] != 0)
                isNew |= TakeWord(word * sizeof(ulong));
        }
        return isNew;
    }

    /// <summary>The edges taken since <see cref="Begin"/>, without how often.</summary>
    internal static HashSet<int> Taken()
    {
        HashSet<int> edges = [];
        for (var edge = 0; edge < Size; edge++)
        {
            if (Trace.SharedMem[edge] != 0)
                edges.Add(edge);
        }
        return edges;
    }

    private bool TakeWord(int first)
    {
        var isNew = false;
        for (var edge = first; edge < first + sizeof(ulong); edge++)
        {
            var bucket = Buckets[Trace.SharedMem[edge]];
            if ((bucket & ~_seen[edge]) == 0)
                continue;
            if (_seen[edge] == 0)
                Edges++;
            _seen[edge] |= bucket;
            isNew = true;
        }
        return isNew;
    }

    private static byte Bucket(int count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
