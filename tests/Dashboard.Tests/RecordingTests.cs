using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using OpenQA.Selenium;
using OpenQA.Selenium.Support.UI;
using Xunit;

namespace IvrActors.Dashboard.Tests;

/// <summary>Who sees and hears recordings, and what is written of it.</summary>
public sealed class RecordingTests : IAsyncLifetime
{
    private const string Page = "/recordings/" + TestRecordings.Here;
    private const string Audio = Page + "?handler=Audio";
    private const string Outline = Page + "?handler=Outline";

    private DashboardServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await DashboardServer.Start();
        Samples.Fill(_server.Cluster);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Recordings_are_listed_with_their_length_what_is_silenced_and_where_they_are()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        var list = await ada.Read("/recordings");
        Assert.Contains(">0:20<", list);
        Assert.Contains(">0:04<", list);
        Assert.Contains(">edge-2<", list);
        Assert.Contains("incomplete", list);
        Assert.Contains("runs, or was cut short", list);
        Assert.Contains("nobody known", list);
        Assert.Contains($"href=\"{Page}\"", list);
        Assert.DoesNotContain("Older recordings", list);
    }

    [Fact]
    public async Task A_long_list_goes_on_on_further_pages_and_shows_each_once()
    {
        _server.Cluster.Recordings.Clear();
        var now = _server.Time.GetUtcNow();
        for (var i = 0; i < 120; i++) Samples.Recording(_server.Cluster, $"rec-{i:d6}a-1", now.AddMinutes(-i), "edge-1", TimeSpan.FromSeconds(i), default, complete: true);
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        var (seen, page) = (new List<string>(), "/recordings");
        for (var pages = 0; page.Length > 0; pages++)
        {
            Assert.InRange(pages, 0, 4);
            var text = await ada.Read(page);
            seen.AddRange(System.Text.RegularExpressions.Regex.Matches(text, "/recordings/(rec-[0-9a-z-]+)").Select(match => match.Groups[1].Value));
            page = WebUtility.HtmlDecode(System.Text.RegularExpressions.Regex.Match(text, "href=\"(/recordings\\?tenant[^\"]+)\"").Groups[1].Value);
        }
        Assert.Equal(Enumerable.Range(0, 120).Select(i => $"rec-{i:d6}a-1"), seen);
    }

    [Theory, InlineData(Roles.Viewer), InlineData(Roles.Operator)]
    public async Task Only_who_may_open_recordings_sees_that_there_are_any(string role)
    {
        using var vic = await new Visitor(_server).Join("vic", role);
        foreach (var path in new[] { "/recordings", Page, Audio, Outline })
        {
            using var answer = await vic.Http.GetAsync(path);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }
        Assert.DoesNotContain("/recordings", await vic.Read("/"));
        Assert.DoesNotContain(_server.Cluster.Calls, call => call.Method is nameof(IRecordingGrain.Open));
    }

    [Theory, InlineData(""), InlineData("  a "), InlineData(null)]
    public async Task Without_a_reason_nothing_is_opened(string? reason)
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        using var answer = await ada.Post(Page, Page + "?handler=Open", ("reason", reason ?? new string('x', 201)));
        Assert.Contains("Say in a few words why", await answer.Content.ReadAsStringAsync());
        Assert.Empty(_server.Cluster.RecordingsOpened);
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, Audio));
    }

    [Fact]
    public async Task Who_opened_a_recording_with_a_reason_hears_it_and_nobody_else_does()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        using var bob = await new Visitor(_server).Join("bob", Roles.Administrator);
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, Audio));
        await Open(ada, " complaint 4711 ");
        Assert.Equal([(TestRecordings.Here, "complaint 4711")], _server.Cluster.RecordingsOpened);
        Assert.Contains(_server.Cluster.Calls, call => call is { Method: nameof(IRecordingGrain.Open), Name: "ada", Role: Roles.Administrator });
        Assert.Contains("<audio controls", await ada.Read(Page));

        using var whole = await ada.Http.GetAsync(Audio);
        Assert.Equal(TestRecordings.Wav, await whole.Content.ReadAsByteArrayAsync());
        Assert.Equal("audio/wav", whole.Content.Headers.ContentType?.MediaType);
        Assert.True(whole.Headers.CacheControl?.NoStore);
        var outline = JsonDocument.Parse(await ada.Read(Outline)).RootElement;
        Assert.Equal((20, 8, 12.5), (outline.GetProperty("seconds").GetDouble(), outline.GetProperty("secret")[0][0].GetDouble(), outline.GetProperty("secret")[0][1].GetDouble()));

        foreach (var path in new[] { Audio, Outline }) Assert.Equal(HttpStatusCode.NotFound, await StatusOf(bob, path));
        Assert.DoesNotContain("<audio", await bob.Read(Page));
    }

    [Fact]
    public async Task A_browser_gets_the_part_that_it_asks_for()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        await Open(ada);
        using var request = new HttpRequestMessage(HttpMethod.Get, Audio) { Headers = { Range = new RangeHeaderValue(100_000, 100_999) } };
        using var part = await ada.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal($"bytes 100000-100999/{TestRecordings.Wav.Length}", part.Content.Headers.ContentRange?.ToString());
        Assert.Equal(TestRecordings.Wav[100_000..101_000], await part.Content.ReadAsByteArrayAsync());
        Assert.True(part.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task It_is_heard_no_more_when_it_was_closed_its_time_is_over_or_the_caller_was_erased()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        await Open(ada);
        using (await ada.Post(Page, Page + "?handler=Close")) Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, Audio));

        await Open(ada);
        for (var minutes = 0; minutes < 14; minutes += 7)
        {
            _server.Time.Advance(TimeSpan.FromMinutes(7));
            Assert.Equal(HttpStatusCode.OK, await StatusOf(ada, Audio));
        }
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, Audio));

        await Open(ada);
        Assert.True(_server.Cluster.Recordings.TryRemove(TestRecordings.Here, out var erased));
        foreach (var path in new[] { Audio, Outline, Page }) Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, path));
        _server.Cluster.Recordings[TestRecordings.Here] = erased;
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, Audio));
    }

    [Fact]
    public async Task Of_a_file_at_another_edge_it_is_said_where_it_is_and_how_it_is_opened_there()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        var page = await ada.Read("/recordings/" + TestRecordings.Elsewhere);
        Assert.Contains("The file is at the edge edge-2", page);
        Assert.Contains($"ivr recording decrypt {TestRecordings.Elsewhere} --out call.wav", WebUtility.HtmlDecode(page));
        Assert.DoesNotContain("handler=Open", page);
    }

    [Theory]
    [InlineData("rec-none-1")]
    [InlineData("REC-X")]
    [InlineData("rec-..%2f..%2fpasswd")]
    public async Task A_name_of_no_recording_is_nothing(string name)
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, "/recordings/" + name));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(ada, $"/recordings/{name}?handler=Audio"));
    }

    [Fact]
    public async Task A_person_gives_a_reason_sees_the_shape_and_moves_through_it_by_keys()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        using var browser = BrowserTests.Open(out var profile);
        try
        {
            var wait = new WebDriverWait(browser, TimeSpan.FromSeconds(60));
            browser.Navigate().GoToUrl(_server.Address + "signin");
            browser.Manage().Cookies.AddCookie(new OpenQA.Selenium.Cookie("__Host-ivr-session", ada.Cookies["__Host-ivr-session"], null, "/", null, true, true, "Strict"));
            browser.Navigate().GoToUrl(_server.Address + "recordings");
            browser.FindElement(By.CssSelector($"a[href='{Page}']")).Click();
            wait.Until(found => found.FindElement(By.Id("reason"))).SendKeys("complaint 4711" + Keys.Enter);
            var slider = wait.Until(found => found.FindElement(By.CssSelector("[data-state=shown] [role=slider]")));
            wait.Until(found => Math.Abs(Number("audio.duration") - TestRecordings.Seconds) < 0.1);
            Assert.Equal(2, slider.FindElements(By.CssSelector("svg path")).Count);
            Assert.Single(slider.FindElements(By.CssSelector("svg rect.secret")));
            Assert.Contains("Silent for secrets: 0:08–0:12", browser.FindElement(By.CssSelector("[data-wave-text]")).Text);
            slider.SendKeys(Keys.ArrowRight + Keys.ArrowRight);
            wait.Until(found => Number("audio.currentTime") == 10);
            wait.Until(found => slider.GetAttribute("aria-valuetext") == "0:10 of 0:20, silent for a secret");
            slider.SendKeys(Keys.End);
            wait.Until(found => Number("audio.currentTime") == TestRecordings.Seconds);
            Assert.Equal([(TestRecordings.Here, "complaint 4711")], _server.Cluster.RecordingsOpened);
            Assert.DoesNotContain(browser.Manage().Logs.GetLog(LogType.Browser), entry => entry.Message.Contains("Content Security Policy", StringComparison.Ordinal));
        }
        finally
        {
            browser.Quit();
            Directory.Delete(profile, recursive: true);
        }

        double Number(string what) => Convert.ToDouble(browser.ExecuteScript($"const audio = document.querySelector('audio'); return {what} ?? -1"), System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task Open(Visitor visitor, string reason = "complaint 4711")
    {
        using var answer = await visitor.Post(Page, Page + "?handler=Open", ("reason", reason));
        Assert.Equal((HttpStatusCode.Redirect, Page), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    private static async Task<HttpStatusCode> StatusOf(Visitor visitor, string path)
    {
        using var answer = await visitor.Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        return answer.StatusCode;
    }
}
