using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace IvrActors.Architecture.Tests;

/// <summary>The files for Prometheus and Grafana: their own checker accepts them, and they ask for metrics that the code has.</summary>
public sealed partial class DeployTests
{
    private const string Alerts = "deploy/prometheus/alerts.yml";
    private const string AlertCases = "deploy/prometheus/alerts.test.yml";
    private const string Board = "deploy/grafana/ivractors.json";

    [Fact]
    public void Prometheus_accepts_its_configuration_and_the_alerts()
    {
        Passes("check", "config", Repository.PathOf("deploy/prometheus/prometheus.yml"));
        Passes("check", "rules", Repository.PathOf(Alerts));
    }

    [Fact]
    public void Prometheus_accepts_the_documented_scrape_over_TLS()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, Scrape().Match(Repository.Read("docs/operations.md")).Groups["text"].Value);

            Passes("check", "config", "--syntax-only", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Every_alert_fires_when_it_should_and_is_silent_when_it_should()
    {
        Passes("test", "rules", Repository.PathOf(AlertCases));
    }

    [Fact]
    public void Every_alert_has_a_case_that_fires_and_one_that_is_silent()
    {
        var names = AlertName().Matches(Repository.Read(Alerts)).Select(m => m.Groups["name"].Value).ToList();
        var cases = Repository.Read(AlertCases);

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains($"name: {name} fires\n", cases, StringComparison.Ordinal));
        Assert.All(names, name => Assert.Contains($"name: {name} is silent\n", cases, StringComparison.Ordinal));
    }

    [Fact]
    public void Prometheus_parses_every_query_of_the_Grafana_dashboard()
    {
        var queries = BoardQueries().ToList();
        var rules = new StringBuilder("groups:\n- name: dashboard\n  rules:\n");
        for (var i = 0; i < queries.Count; i++)
            rules.Append($"  - record: query_{i}\n    expr: {JsonSerializer.Serialize(WithoutVariables(queries[i]))}\n");
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, rules.ToString());

            Assert.True(queries.Count > 40, "queries were not found in the dashboard");
            Passes("check", "rules", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(Alerts)]
    [InlineData(Board)]
    public void Every_metric_that_is_asked_for_is_declared_in_the_code(string file)
    {
        var declared = DeclaredMetrics();
        var asked = MetricName().Matches(Repository.Read(file)).Select(m => m.Value).Distinct();

        Assert.Empty(asked.Except(declared).Select(name => HistogramSuffix().Replace(name, "")).Except(declared));
    }

    [Fact]
    public void Every_metric_that_the_code_declares_is_shown_on_the_Grafana_dashboard()
    {
        var shown = MetricName().Matches(Repository.Read(Board)).Select(m => HistogramSuffix().Replace(m.Value, ""));

        Assert.Empty(DeclaredMetrics().Except(shown));
    }

    [Fact]
    public void Panels_have_a_description_and_do_not_overlap()
    {
        using var document = JsonDocument.Parse(Repository.Read(Board));
        var panels = document.RootElement.GetProperty("panels").EnumerateArray().ToList();
        var cells = panels.SelectMany(Cells).ToList();

        Assert.All(panels.Where(p => p.GetProperty("type").GetString() != "row"), p => Assert.NotEqual("", p.GetProperty("description").GetString()));
        Assert.Equal(cells.Count, cells.Distinct().Count());
        Assert.Equal(panels.Count, panels.Select(p => p.GetProperty("id").GetInt32()).Distinct().Count());
    }

    private static IEnumerable<(int X, int Y)> Cells(JsonElement panel)
    {
        var at = panel.GetProperty("gridPos");
        int x = at.GetProperty("x").GetInt32(), y = at.GetProperty("y").GetInt32(), w = at.GetProperty("w").GetInt32(), h = at.GetProperty("h").GetInt32();
        return from dx in Enumerable.Range(0, w) from dy in Enumerable.Range(0, h) select (x + dx, y + dy);
    }

    private static void Passes(params string[] arguments)
    {
        var (code, output) = Tool.Run("promtool", arguments);

        Assert.True(code == 0, output);
    }

    // The name stands in the source where the metric is created, as a literal.
    private static HashSet<string> DeclaredMetrics() =>
    [
        .. from file in Repository.Files("*.cs")
           where Code.Ours.Any(part => file.StartsWith(part + "/", StringComparison.Ordinal))
           from Match literal in MetricLiteral().Matches(Repository.Read(file))
           select literal.Groups["name"].Value,
    ];

    private static IEnumerable<string> BoardQueries()
    {
        using var document = JsonDocument.Parse(Repository.Read(Board));
        return [.. Find(document.RootElement)];

        static IEnumerable<string> Find(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.Name == "expr" ? [p.Value.GetString()!] : Find(p.Value)),
            JsonValueKind.Array => element.EnumerateArray().SelectMany(Find),
            _ => [],
        };
    }

    private static string WithoutVariables(string query) =>
        query.Replace("$__rate_interval", "5m", StringComparison.Ordinal).Replace("$__range", "1h", StringComparison.Ordinal);

    [GeneratedRegex("```yaml scrape\n(?<text>.+?)```", RegexOptions.Singleline)]
    private static partial Regex Scrape();

    [GeneratedRegex(@"- alert: (?<name>\w+)")]
    private static partial Regex AlertName();

    [GeneratedRegex(@"\bivr_[a-z0-9_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"""(?<name>ivr_[a-z0-9_]+)""")]
    private static partial Regex MetricLiteral();

    [GeneratedRegex("_(bucket|count|sum)$")]
    private static partial Regex HistogramSuffix();
}
