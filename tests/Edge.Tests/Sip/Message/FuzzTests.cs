using IvrActors.Edge.Sip.Message;
using IvrActors.Fuzz;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>A short run of each fuzz target; the long one is <c>tests/Fuzz/run</c>.</summary>
[Collection(nameof(Alone))]
public sealed class FuzzTests
{
    private const int Messages = 40_000;
    private const int Seed = 20260101;

    public static TheoryData<string> Targets => [.. FuzzTargets.All().Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Random_and_mutated_inputs_neither_throw_nor_hang_nor_grow_memory(string name)
    {
        var target = FuzzTargets.All().Single(target => target.Name == name);
        FuzzRun.Replay(target, Corpus.Of(name));
        var report = FuzzRun.Run(target, Corpus.ByHand(name), Messages, Seed);

        // A mutator that made nothing readable any more would test only the way out.
        Assert.InRange(report.Accepted, Messages / 20, Messages);
    }

    [Fact]
    public void Our_own_corpus_is_accepted()
    {
        var refused = Directory.GetFiles(Vectors.Path("..", "Fuzz", "corpus", "message"), "*.dat")
            .Where(file => !Path.GetFileName(file).StartsWith(Corpus.Found, StringComparison.Ordinal))
            .Select(file => (Path.GetFileName(file), SipParser.Parse(File.ReadAllBytes(file)).Rejection))
            .Where(file => file.Rejection != SipRejection.None);

        Assert.Empty(refused);
    }

    [Fact]
    public void The_same_seed_gives_the_same_inputs()
    {
        var (first, second) = (new Mutator(7, Corpus.Of("message"), [[1]]), new Mutator(7, Corpus.Of("message"), [[1]]));
        for (var i = 0; i < 100; i++)
            Assert.Equal(first.Next().ToArray(), second.Next().ToArray());
    }

    [Fact]
    public void A_target_that_throws_is_reported_with_its_input()
    {
        var failure = Assert.Throws<FuzzException>(() => FuzzRun.Run(new Target(input => throw new InvalidOperationException()), [[1, 2]], 1, Seed));
        Assert.Equal([1, 2], failure.Input);
    }

    [Fact]
    public void A_target_that_takes_too_long_is_reported()
    {
        var calls = 0;
        var target = new Target(_ => Spin(++calls > FuzzRun.WarmUp + 100 ? FuzzRun.MostPerInput * 2 : TimeSpan.Zero));
        Assert.Throws<FuzzException>(() => FuzzRun.Run(target, [[1, 2]], 5_000, Seed));
    }

    [Fact]
    public void A_target_that_keeps_memory_is_reported()
    {
        var kept = new List<byte[]>();
        Assert.Throws<InvalidOperationException>(() => FuzzRun.Run(new Target(_ => kept.Add(new byte[4096])), [[1, 2]], 5_000, Seed));
        GC.KeepAlive(kept);
    }

    /// <summary>The heap is that of the whole process: nothing else may run beside these tests.</summary>
    [CollectionDefinition(nameof(Alone), DisableParallelization = true)]
    public sealed class Alone;

    private static void Spin(TimeSpan time)
    {
        for (var started = System.Diagnostics.Stopwatch.GetTimestamp(); System.Diagnostics.Stopwatch.GetElapsedTime(started) < time;)
        {
        }
    }

    private sealed class Target(Action<ReadOnlyMemory<byte>> run) : IFuzzTarget
    {
        public string Name => "test";

        public IReadOnlyList<byte[]> Dictionary => [[0]];

        public bool Run(ReadOnlyMemory<byte> input)
        {
            run(input);
            return true;
        }
    }
}
