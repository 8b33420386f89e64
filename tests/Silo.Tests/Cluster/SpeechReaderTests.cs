using System.Text.RegularExpressions;
using IvrActors.Edge.Speech;
using IvrActors.Silo.Cluster;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class SpeechReaderTests
{
    private static readonly string s_path = Path.Combine(ClusterFileTests.Root(), "cluster.yaml");

    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string speech, bool development = true) =>
        ClusterFileReader.Parse(s_path, ClusterFileTests.Text.Replace("development: true", development ? "development: true" : "development: false", StringComparison.Ordinal) + "\n" + speech);

    [Fact]
    public void Without_a_word_about_it_espeak_speaks_and_what_it_says_is_kept_encrypted_in_the_data_folder()
    {
        var cluster = Read("").Cluster!;
        var options = cluster.Speech.ToOptions(new(new byte[32]));
        Assert.Equal((SpeechEngine.Espeak, TimeSpan.FromSeconds(10), 1, 256L << 20), (options.Engine, options.Timeout, options.AtOnce, options.CacheBytes));
        Assert.NotNull(options.CacheKey);
        Assert.Equal(Path.Combine(cluster.DataFolder, "rendered"), cluster.RenderedFolder);
    }

    [Fact]
    public void What_the_documents_and_the_file_itself_show_is_read()
    {
        var shown = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Value;
        Assert.Equal(shown, Documented().Match(ClusterFileTests.Text).Value);
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "t0ken\n");
            var (cluster, errors) = Read(shown.Replace("speech.token", file, StringComparison.Ordinal));
            Assert.Empty(errors);
            var options = cluster!.Speech.ToOptions(null);
            Assert.Equal((SpeechEngine.Http, "https://speech.example.net/v1/say", TimeSpan.FromSeconds(5), 2), (options.Engine, options.Address!.ToString(), options.Timeout, options.AtOnce));
            Assert.Equal("nova", options.Voices["en"]);
            Assert.Equal("t0ken", new string(options.Token!.Expose()));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("speech: { provider: festival }", "bad value (speech.provider, expected one of espeak, http, off)")]
    [InlineData("speech: { provider: http }", "missing key (speech.url")]
    [InlineData("speech: { provider: http, url: \"ftp://a/b\" }", "bad value (speech.url")]
    [InlineData("speech: { provider: http, url: \"/v1/say\" }", "bad value (speech.url")]
    [InlineData("speech: { provider: http, url: \"https://user:password@a/b\" }", "bad value (speech.url")]
    [InlineData("speech: { provider: http, url: \"https://a/b#c\" }", "bad value (speech.url")]
    [InlineData("speech: { provider: http, url: \"https://a/b\", token_file: no/such }", "no such file (speech.token_file")]
    [InlineData("speech: { provider: http, url: \"https://a/b\", token: abc }", "unknown key (speech.token,")]
    [InlineData("speech: { url: \"https://a/b\" }", "only an HTTP service has it (speech.url")]
    [InlineData("speech: { timeout: 31s }", "bad value (speech.timeout, expected a time from 500ms to 30s)")]
    [InlineData("speech: { at_once: 0 }", "bad value (speech.at_once")]
    [InlineData("speech: { most_kib: 1 }", "bad value (speech.most_kib")]
    [InlineData("speech: { cache_mib: 0 }", "bad value (speech.cache_mib")]
    [InlineData("speech: { voices: { en: \"--help\" } }", "bad value (speech.voices.en")]
    [InlineData("speech: { voices: { xx: a } }", "unknown key (speech.voices.xx")]
    public void A_mistake_is_named_with_its_key(string text, string expected)
    {
        var (_, errors) = Read(text);
        Assert.Contains(expected, Assert.Single(errors).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://speech.example.net/say", true)]
    [InlineData("http://10.0.0.1/say", true)]
    [InlineData("http://127.0.0.1:8080/say", false)]
    [InlineData("http://[::1]:8080/say", false)]
    [InlineData("http://localhost:8080/say", false)]
    [InlineData("https://speech.example.net/say", false)]
    public void Without_tls_only_this_machine_is_asked_except_in_development(string url, bool weak)
    {
        var text = $"speech: {{ provider: http, url: \"{url}\" }}";
        Assert.Empty(Read(text).Errors);
        Assert.Equal(weak, Read(text, development: false).Errors.Any(e => e.ToString().Contains("weak setting: texts and a token without TLS beyond this machine (speech.url", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_token_that_is_not_there_stops_the_start_and_is_named()
    {
        var cluster = Read("speech: { provider: http, url: \"https://a/b\", token_variable: IVR_NO_SUCH_TOKEN }").Cluster!;
        Assert.Contains("IVR_NO_SUCH_TOKEN", Assert.Throws<MissingSecretException>(() => cluster.Speech.ToOptions(null)).Message, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"speech: \{ provider.*timeout: 5s \}")]
    private static partial Regex Documented();
}
