using IvrActors.Edge.Sip.Message;
using IvrActors.Fuzz;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

public sealed class SipFuzzTests
{
    private const int Messages = 200_000;

    [Fact]
    public void Random_and_mutated_messages_neither_throw_nor_hang_nor_grow_memory()
    {
        var report = FuzzRun.Run(new SipTarget(), Corpus.Of("sip"), Messages, seed: 20260101);

        Assert.InRange(report.Accepted, Messages / 20, Messages);
    }

    [Fact]
    public void Our_own_corpus_is_accepted()
    {
        var refused = Directory.GetFiles(Path.Combine(Vectors.Path(), "..", "Fuzz", "corpus", "sip"), "*.dat")
            .Select(file => (Path.GetFileName(file), SipParser.Parse(File.ReadAllBytes(file)).Rejection))
            .Where(file => file.Rejection != SipRejection.None);

        Assert.Empty(refused);
    }
}
