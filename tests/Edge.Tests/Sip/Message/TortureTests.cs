using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>RFC 4475 and RFC 5118: every message gets the verdict of tests/vectors/rfc…/expected.tsv.</summary>
public sealed class TortureTests
{
    private static readonly string[] Sets = ["rfc4475", "rfc5118"];

    public static TheoryData<string, string, string> Files()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var rfc in Sets)
        {
            foreach (var row in File.ReadLines(Vectors.Path(rfc, "expected.tsv")).Skip(1).Select(line => line.Split('\t')))
                data.Add(rfc, row[0], row[2]);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_torture_message_gets_its_verdict(string rfc, string file, string verdict)
    {
        var result = SipParser.Parse(Vectors.Read(rfc, file));

        Assert.Equal(verdict, SipRejections.IsWellFormed(result.Rejection) ? "accept" : "reject");
        Assert.Equal(result.Rejection == SipRejection.None, result.Message is not null);
    }

    [Fact]
    public void Every_torture_file_has_a_verdict()
    {
        var files = Sets.SelectMany(rfc => Directory.GetFiles(Vectors.Path(rfc), "*.dat")).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(files, Files().Select(row => row.Data.Item2).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_port_inside_the_brackets_is_the_end_of_the_address_as_rfc_5118_says()
    {
        var ambiguous = Assert.IsType<SipRequest>(SipParser.Parse(Vectors.Read("rfc5118", "port-ambiguous.dat")).Message);
        var unambiguous = Assert.IsType<SipRequest>(SipParser.Parse(Vectors.Read("rfc5118", "port-unambiguous.dat")).Message);

        Assert.Equal(("[2001:db8::10:5070]", null), (ambiguous.RequestUri.Host, ambiguous.RequestUri.Port));
        Assert.Equal(("[2001:db8::10]", 5070), (unambiguous.RequestUri.Host, unambiguous.RequestUri.Port));
    }
}
