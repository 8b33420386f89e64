using System.Text.RegularExpressions;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Delivery;
using Xunit;

namespace IvrActors.Silo.Tests.Cluster;

public sealed partial class DeliveryReaderTests
{
    private static (ClusterFile? Cluster, IReadOnlyList<ClusterError> Errors) Read(string delivery, string tenant = "", bool development = true, string? path = null)
    {
        var text = ClusterFileTests.Text.Replace("    numbers: { bank: bank }", $"{tenant}    numbers: {{ bank: bank }}", StringComparison.Ordinal);
        return ClusterFileReader.Parse(path ?? Path.Combine(ClusterFileTests.Root(), "cluster.yaml"), text.Replace("development: true", development ? "development: true" : "development: false", StringComparison.Ordinal) + "\n" + delivery);
    }

    [Fact]
    public void Without_a_word_about_it_nothing_is_sent()
    {
        var cluster = Read("").Cluster!;

        Assert.Empty(cluster.Delivery.Providers);
        Assert.Empty(cluster.Delivery.Channels);
        Assert.Empty(cluster.Tenants[0].Delivery);
    }

    [Fact]
    public void The_documented_example_is_right_and_a_tenant_may_have_providers_of_its_own()
    {
        var shown = Documented().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        using var folder = new TestFolder();
        Directory.CreateDirectory(Path.Combine(folder, "delivery"));
        foreach (var name in new[] { "gateway.secret", "mail.password", "mail-ca.pem" }) File.WriteAllText(Path.Combine(folder, "delivery", name), "0123456789abcdef0123456789abcdef\n");

        var (cluster, errors) = Read(shown, "    delivery: { email: gateway }\n", path: Path.Combine(folder, "cluster.yaml"));

        Assert.Empty(errors);
        Assert.Equal([DeliveryKind.Webhook, DeliveryKind.Smtp], cluster!.Delivery.Providers.Select(provider => provider.Kind));
        var (gateway, mail) = (cluster.Delivery.Providers[0], cluster.Delivery.Providers[1]);
        Assert.Equal(("https://codes.example.net/v1/send", 8), (gateway.Address!.ToString(), gateway.AtOnce));
        Assert.Equal(("mail.example.net", 587, SmtpTls.StartTls, "ivr", "codes@bank.example"), (mail.Server!.Host, mail.Server.Port, mail.Tls, mail.User, mail.From));
        Assert.Equal("0123456789abcdef0123456789abcdef", new string(gateway.Secret!.Read().Expose()));
        Assert.Equal("gateway", cluster.Delivery.Channels[CodeChannel.Sms]);
        Assert.Equal(("mail", "gateway"), (cluster.Delivery.Channels[CodeChannel.Email], cluster.Tenants[0].Delivery[CodeChannel.Email]));
    }

    [Theory]
    [InlineData("delivery: { sms: nobody }", "bad value (delivery.sms, expected the name of one of delivery.providers)")]
    [InlineData("delivery: { fax: nobody }", "unknown key (delivery.fax, expected one of email, providers, sms, voice)")]
    [InlineData("delivery: { providers: [{ name: a, kind: pigeon }] }", "bad value (delivery.providers[0].kind, expected one of webhook, smtp, file, console)")]
    [InlineData("delivery: { providers: [{ name: a }] }", "missing key (delivery.providers[0].kind")]
    [InlineData("delivery: { providers: [{ name: a, kind: console }, { name: a, kind: console }] }", "duplicate provider (delivery.providers[1].name")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, secret_variable: S }] }", "missing key (delivery.providers[0].url")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"https://u:p@a/b\", secret_variable: S }] }", "bad value (delivery.providers[0].url")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"https://a/b\" }] }", "no single secret (delivery.providers[0].secret_file, expected either secret_file or secret_variable)")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"https://a/b\", secret: abc }] }", "unknown key (delivery.providers[0].secret,")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"https://a/b\", secret_file: no/such }] }", "no such file (delivery.providers[0].secret_file")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"https://a/b\", secret_variable: S, at_once: 0 }] }", "bad value (delivery.providers[0].at_once")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, from: a@b.example }] }", "missing key (delivery.providers[0].server")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, server: mail.example, from: a@b.example }] }", "bad value (delivery.providers[0].server, expected a name and a port such as mail.example.net:587)")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, server: \"mail.example:25\", from: \"A <a@b.example>\" }] }", "bad value (delivery.providers[0].from")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, server: \"mail.example:25\", from: a@b.example, user: ivr }] }", "half of an account (delivery.providers[0].user")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, server: \"mail.example:25\", from: a@b.example }], sms: a }", "mail reaches no telephone (delivery.sms")]
    [InlineData("delivery: { providers: [{ name: a, kind: file, url: \"https://a/b\" }] }", "unknown key (delivery.providers[0].url")]
    public void What_is_wrong_is_named_with_its_place(string delivery, string expected)
    {
        var (cluster, errors) = Read(delivery);

        Assert.Null(cluster);
        Assert.Contains(errors, error => error.ToString().Contains(expected, StringComparison.Ordinal) && error.Line == ClusterFileTests.Text.Count(c => c == '\n') + 2);
    }

    [Theory]
    [InlineData("delivery: { providers: [{ name: a, kind: console }] }", "weak setting: codes in clear on this machine (delivery.providers[0].kind")]
    [InlineData("delivery: { providers: [{ name: a, kind: file }] }", "weak setting: codes in clear on this machine (delivery.providers[0].kind")]
    [InlineData("delivery: { providers: [{ name: a, kind: webhook, url: \"http://127.0.0.1/b\", secret_variable: S }] }", "weak setting: codes without TLS (delivery.providers[0].url")]
    [InlineData("delivery: { providers: [{ name: a, kind: smtp, server: \"127.0.0.1:25\", tls: none, from: a@b.example }] }", "weak setting: codes without TLS (delivery.providers[0].tls")]
    public void What_shows_codes_is_for_development_only(string delivery, string expected)
    {
        Assert.Empty(Read(delivery).Errors);
        Assert.Contains(Read(delivery, development: false).Errors, error => error.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void A_secret_that_is_not_there_is_named_by_the_check_and_keeps_the_cluster_from_starting()
    {
        var cluster = Read("delivery: { providers: [{ name: gateway, kind: webhook, url: \"https://a/b\", secret_variable: IVR_TEST_NO_SUCH_SECRET }], sms: gateway }").Cluster!;

        var missing = Assert.Throws<MissingSecretException>(() => DeliveryServices.Check(cluster.Delivery));
        Assert.Contains("the delivery provider gateway is missing", missing.Message, StringComparison.Ordinal);
        Assert.Throws<MissingSecretException>(() => DeliveryServices.Create(cluster, TimeProvider.System));
    }

    [GeneratedRegex("```yaml delivery\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Documented();
}
