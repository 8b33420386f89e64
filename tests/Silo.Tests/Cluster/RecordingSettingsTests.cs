using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class RecordingSettingsTests
{
    private static readonly string s_path = Path.Combine(ClusterFileTests.Root(), "cluster.yaml");

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string recordings) => ClusterFileReader.Parse(s_path, ClusterFileTests.Text + "\n" + recordings);

    [Fact]
    public void Without_a_word_about_it_nothing_is_recorded()
    {
        Assert.Null(Read("").Cluster!.Recordings);
        Assert.Null(Read("").Cluster!.ToPolicy().RecordingsKept);
    }

    [Fact]
    public void What_the_documents_and_the_file_itself_show_is_read()
    {
        var shown = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Value;
        var commented = Documented().Match(ClusterFileTests.Text).Value;
        Assert.Equal(shown, commented);
        var (cluster, errors) = Read(shown);
        Assert.Empty(errors);
        Assert.Equal(new RecordingSettings(Path.Combine(ClusterFileTests.Root(), "data", "recordings"), TimeSpan.FromDays(30)), cluster!.Recordings);
        Assert.Equal(TimeSpan.FromDays(30), cluster.ToPolicy().RecordingsKept);
    }

    [Theory]
    [InlineData("recordings: { folder: here }", "missing key (recordings.keep")]
    [InlineData("recordings: { keep: 9999d }", "a time of at most 3650d")]
    [InlineData("recordings: { keep: 30d, plain: true }", "unknown key (recordings.plain")]
    public void A_mistake_is_named(string text, string expected)
    {
        var error = Assert.Single(Read(text).Errors);
        Assert.Contains(expected, error.ToString(), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"recordings: \{ folder[^}]*\}")]
    private static partial Regex Documented();
}
