using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>RFC 4475: every message gets the verdict of tests/vectors/rfc4475/expected.tsv.</summary>
public sealed class TortureTests
{
    public static TheoryData<string, string> Files()
    {
        var data = new TheoryData<string, string>();
        foreach (var row in File.ReadLines(Vectors.Path("rfc4475", "expected.tsv")).Skip(1).Select(line => line.Split('\t')))
            data.Add(row[0], row[2]);
        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_torture_message_gets_its_verdict(string file, string verdict)
    {
        var result = SipParser.Parse(Vectors.Read("rfc4475", file));

        Assert.Equal(verdict, SipRejections.IsWellFormed(result.Rejection) ? "accept" : "reject");
        Assert.Equal(result.Rejection == SipRejection.None, result.Message is not null);
    }

    [Fact]
    public void Every_torture_file_has_a_verdict()
    {
        var files = Directory.GetFiles(Vectors.Path("rfc4475"), "*.dat").Select(Path.GetFileName).Order();
        Assert.Equal(files, Files().Select(row => row.Data.Item1).Order());
    }
}
