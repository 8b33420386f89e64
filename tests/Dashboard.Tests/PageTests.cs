using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Http;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Xunit;

namespace IvrActors.Dashboard.Tests;

public sealed partial class PageTests : IAsyncLifetime
{
    // The whole list of what may be seen without signing in: a new page is not on it.
    private static readonly string[] s_open = ["signin", "join", "enrol", "assets/{name}", "device", "approve", "device/begin", "device/finish", "approve/look", "approve/answer"];

    private DashboardServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await DashboardServer.Start();
        Samples.Fill(_server.Cluster);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Nothing_but_sign_in_joining_and_files_answers_a_stranger()
    {
        using var stranger = new Visitor(_server);
        var closed = 0;
        foreach (var route in Routes().Except(s_open))
        {
            using var answer = await stranger.Http.GetAsync(Fill(route));
            if (route.StartsWith("events")) Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            else if (route.StartsWith("api")) Assert.False(answer.IsSuccessStatusCode);
            else Assert.StartsWith($"{_server.Address}signin?ReturnUrl=", answer.Headers.Location?.ToString());
            using var posted = await stranger.Http.PostAsync(Fill(route), new FormUrlEncodedContent([]));
            Assert.False(posted.IsSuccessStatusCode);
            closed++;
        }
        Assert.True(closed >= 12);
        using var unknown = await stranger.Http.GetAsync("/no/such/page");
        Assert.Equal(HttpStatusCode.Redirect, unknown.StatusCode);
    }

    [Fact]
    public void Every_changing_handler_says_whose_it_is()
    {
        foreach (var (page, handler) in Changing())
        {
            Assert.True(page.IsDefined(typeof(AllowAnonymousAttribute)) || handler.IsDefined(typeof(NeedsAttribute)) || handler.IsDefined(typeof(OwnAccountAttribute)), $"{page.Name}.{handler.Name}");
        }
        Assert.All(Changing().Where(found => found.Page.IsDefined(typeof(AllowAnonymousAttribute))), found => Assert.Contains(found.Page.Name, (string[])["SignInModel", "JoinModel", "EnrolModel"]));
    }

    [Fact]
    public async Task A_viewer_changes_nothing_and_sees_no_button_for_it()
    {
        using var viewer = await new Visitor(_server).Join("vic", Roles.Viewer);
        var token = AntiforgeryToken().Match(await viewer.Read("/account")).Groups[1].Value;
        var tried = 0;
        foreach (var (page, handler) in Changing().Where(found => found.Handler.IsDefined(typeof(NeedsAttribute))))
        {
            var name = Regex.Match(handler.Name, "^OnPost(.*?)(Async)?$").Groups[1].Value;
            using var answer = await viewer.PostWith(token, $"{Fill(RouteOf(page))}?handler={name}", ("call", "call-1"), ("name", "bob"), ("role", Roles.Viewer));
            Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, $"{page.Name}.{handler.Name} answers {answer.StatusCode}");
            Assert.Contains("Not allowed", await answer.Content.ReadAsStringAsync());
            tried++;
        }
        Assert.True(tried >= 5);
        Assert.DoesNotContain(_server.Cluster.Calls, call => call.Method is "HangUp" or "Approve" or "Invite" or "SetRole" or "Delete" or "Publish");
        Assert.DoesNotContain("Hang up", await viewer.Read("/calls"));
        Assert.DoesNotContain("unlock</button>", await viewer.Read("/lockouts"));
        Assert.DoesNotContain("/operators", await viewer.Read("/"));
    }

    [Fact]
    public async Task What_a_page_lets_through_and_the_grain_refuses_is_refused()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        _server.Cluster.Refused = nameof(ICallGrain.HangUp);
        await Eventually(() => _server.Get<Live.ClusterView>().Current.Calls.Count > 0);
        var call = _server.Get<Live.ClusterView>().Current.Calls[0].Call.Value;
        using var answer = await ada.Post("/calls", "/calls?handler=HangUp", ("call", call));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Empty(_server.Cluster.HungUp);
    }

    [Fact]
    public async Task A_post_without_the_antiforgery_token_is_refused_everywhere()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        foreach (var (page, handler) in Changing())
        {
            var name = Regex.Match(handler.Name, "^OnPost(.*?)(Async)?$").Groups[1].Value;
            using var answer = await ada.Http.PostAsync($"{Fill(RouteOf(page))}?handler={name}", new FormUrlEncodedContent([KeyValuePair.Create("name", "ada")]));
            Assert.True(answer.StatusCode == HttpStatusCode.BadRequest, $"{page.Name}.{handler.Name} answers {answer.StatusCode}");
        }
        Assert.True(await ada.IsSignedIn());
    }

    [Fact]
    public async Task Every_answer_carries_the_security_headers_and_no_page_has_a_script_or_style_in_it()
    {
        using var stranger = new Visitor(_server);
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        List<string> paths = [.. Routes().Select(Fill), "/no/such/page", "/assets/none.js", "/audit?tenant=none", "/flows/demo/empty"];
        foreach (var visitor in new[] { stranger, ada })
        {
            foreach (var path in paths)
            {
                using var answer = await visitor.Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
                Assert.Equal(SecurityHeaders.Policy, answer.Headers.GetValues("Content-Security-Policy").Single());
                Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
                Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
                Assert.StartsWith("max-age=63072000", answer.Headers.GetValues("Strict-Transport-Security").Single());
                if (answer.Content.Headers.ContentType?.MediaType != "text/html") continue;
                Assert.DoesNotMatch(Inline(), await answer.Content.ReadAsStringAsync());
            }
        }
    }

    [Fact]
    public async Task Text_from_outside_is_text_on_every_page()
    {
        const string script = "<script>alert(1)</script><img src=x onerror=alert(2)>";
        var cluster = _server.Cluster;
        Samples.Report(cluster, script, Samples.Call(_server.Time.GetUtcNow(), step: script, flow: script, trunk: script, transport: script, codec: script));
        cluster.Record("demo", script, AuditResult.Success, script, script, script);
        cluster.AuditFault = script;
        var bank = Samples.Bank();
        bank.Steps.Add(new FlowGraphStep { Name = script, Kind = script, Secret = true });
        bank.Edges.Add(new FlowGraphEdge { From = "menu", To = script, Label = script });
        cluster.Flows[IFlowGrain.Key("demo", "bank")] = bank;
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        await Eventually(() => _server.Get<Live.ClusterView>().Current.Edges.Any(edge => edge.Name == script));

        foreach (var path in new[] { "/", "/calls", "/edges", "/audit?tenant=demo&verify=true", "/flows/demo/bank", $"/audit?act={Uri.EscapeDataString(script)}", $"/signin?returnUrl={Uri.EscapeDataString(script)}" })
        {
            var page = await ada.Read(path);
            Assert.DoesNotContain("<script>alert", page);
            Assert.DoesNotContain("<img src=x", page);
            Assert.Contains("&lt;script&gt;", page);
        }
        Assert.DoesNotContain("<script", await FirstEvent(ada, "/events/calls"));
    }

    [Fact]
    public async Task The_stream_of_live_calls_tells_of_a_new_call_and_of_its_end()
    {
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        await using var stream = await vic.Http.GetStreamAsync("/events/calls");
        using var reader = new StreamReader(stream);
        var call = Samples.Call(_server.Time.GetUtcNow(), "ask_pin", quality: Samples.Quality(1));
        await Until(reader, line => line.StartsWith("data:") && !line.Contains(call.Call.Value));
        Samples.Report(_server.Cluster, "edge-1", call);
        await Until(reader, line => line.Contains(call.Call.Value) && line.Contains("ask_pin") && line.Contains("\"mos\":\"4.36\"") && line.Contains("\"roundTrip\":\"25 ms\""));
        Samples.Report(_server.Cluster, "edge-1");
        await Until(reader, line => line.StartsWith("data:") && !line.Contains(call.Call.Value));
    }

    [Fact]
    public async Task The_edges_page_says_how_an_edges_calls_sound_and_works_where_that_is_not_known()
    {
        Samples.Report(_server.Cluster, "heard");
        Samples.Report(_server.Cluster, "silent");
        _server.Cluster.Media[IMediaLaneGrain.Key("heard")] = new MediaView { Calls = 130, Poor = 2, Mos = 4.314, Keys = 5, Plays = 6 };
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        await Eventually(() => _server.Get<Live.ClusterView>().Current.Edges.Any(edge => edge.Name == "silent"));
        var page = await vic.Read("/edges");
        Assert.Contains("MOS 4.31 <span class=\"hint\">2 of 130 poor</span>", page);
        Assert.Contains("not heard", page);
    }

    [Fact]
    public async Task A_stream_ends_when_its_viewer_is_deleted()
    {
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        await using var stream = await vic.Http.GetStreamAsync("/events/overview");
        using var reader = new StreamReader(stream);
        await Until(reader, line => line.StartsWith("data:"));
        _server.Cluster.Operators.Clear();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await reader.ReadLineAsync(limit.Token) is not null)
        {
        }
    }

    [Fact]
    public async Task The_dashboard_ends_at_once_also_while_the_cluster_owes_it_an_answer()
    {
        var server = await DashboardServer.Start();
        server.Cluster.Silence = new();
        server.Cluster.Calls.Clear();
        await Eventually(() => server.Cluster.Calls.Any(call => call.Method == "List"));
        await server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_cluster_is_asked_once_for_all_viewers()
    {
        var viewers = new List<Visitor>();
        for (var i = 0; i < 4; i++) viewers.Add(await new Visitor(_server).Join($"vic{i}", Roles.Viewer));
        var before = _server.Get<Live.ClusterView>().Current.Version;
        _server.Cluster.Calls.Clear();
        foreach (var viewer in viewers) await viewer.Read("/calls");
        await Task.WhenAll(viewers.Select(viewer => FirstEvent(viewer, "/events/calls")));
        var lists = _server.Cluster.Calls.Count(call => call.Method == "GetReport");
        var polls = _server.Get<Live.ClusterView>().Current.Version - before + 1;
        Assert.True(lists <= polls * 3, $"{lists} reports in {polls} polls of 3 edges");
        viewers.ForEach(viewer => viewer.Dispose());
    }

    [Fact]
    public async Task An_operator_hangs_up_a_live_call_under_their_own_name()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        await Eventually(() => _server.Get<Live.ClusterView>().Current.Calls.Count > 0);
        var call = _server.Get<Live.ClusterView>().Current.Calls[0].Call.Value;
        (await ada.Post("/calls", "/calls?handler=HangUp", ("call", call))).Dispose();
        (await ada.Post("/calls", "/calls?handler=HangUp", ("call", "call-never-seen"))).Dispose();
        Assert.Equal([call], _server.Cluster.HungUp);
        Assert.Contains((nameof(ICallGrain.HangUp), "ada", Roles.Operator), _server.Cluster.Calls);
    }

    [Fact]
    public async Task One_operator_asks_to_unlock_with_a_reason_of_the_list_and_another_confirms()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var bob = await new Visitor(_server).Join("bob", Roles.Operator);
        var key = Samples.Lock(_server.Cluster, 3, TimeSpan.FromMinutes(1));
        Assert.Contains("Ask to unlock</button>", await ada.Read("/lockouts"));
        using var vague = await ada.Post("/lockouts", "/lockouts?handler=Unlock", ("tenant", "demo"), ("key", key), ("reason", "called from 555 0100"));
        Assert.Equal(HttpStatusCode.BadRequest, vague.StatusCode);

        await Unlock(ada, key);
        var asked = await ada.Read("/lockouts");
        Assert.Contains("Another operator must confirm", asked);
        Assert.Contains("ada asked to unlock (Caller mistyped)", asked);
        Assert.DoesNotContain("Confirm unlock</button>", asked);
        await Unlock(ada, key);
        Assert.Empty(_server.Cluster.Unlocked);

        Assert.Contains("Confirm unlock</button>", await bob.Read("/lockouts"));
        await Unlock(bob, key);
        Assert.Equal([(key, "caller-error")], _server.Cluster.Unlocked);
        Assert.DoesNotContain(key, await ada.Read("/lockouts"));
    }

    private static async Task Unlock(Visitor visitor, string key) =>
        (await visitor.Post("/lockouts", "/lockouts?handler=Unlock", ("tenant", "demo"), ("key", key), ("reason", "caller-error"))).Dispose();

    [Fact]
    public async Task Audit_search_filters_pages_and_shows_the_verdict()
    {
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        var first = await vic.Read("/audit?tenant=demo&act=factor.verified&actor=u:Zk1x77QpLm");
        Assert.DoesNotContain("call.admitted", first);
        Assert.Contains("u:Zk1x77QpLm", first);
        var all = await vic.Read("/audit?tenant=demo");
        var older = WebUtility.HtmlDecode(Regex.Match(all, "href=\"([^\"]+)\">Older records").Groups[1].Value);
        Assert.Contains("before=", older);
        var oldest = Regex.Matches(all, "data-label=\"No.\" class=\"num\">(\\d+)<")[^1].Groups[1].Value;
        Assert.Contains($"class=\"num\">{long.Parse(oldest) - 1}<", await vic.Read(older));
        Assert.Contains("The chain holds", await vic.Read("/audit?tenant=demo&verify=true"));
        _server.Cluster.AuditFault = "record 7: hash does not fit";
        Assert.Contains("record 7: hash does not fit", await vic.Read("/audit?tenant=demo&verify=true"));
        Assert.Contains("operator.joined", await vic.Read($"/audit?tenant={IAuditGrain.Cluster}"));
    }

    [Fact]
    public async Task The_drawing_of_a_flow_holds_every_step_and_way()
    {
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        var page = WebUtility.HtmlDecode(await vic.Read("/flows/demo/bank"));
        Assert.All(Samples.Bank().Steps, step => Assert.Contains($"data-step=\"{step.Name}\"", page));
        Assert.All(Samples.Bank().Edges, edge => Assert.Matches($"<title>{edge.From} → {edge.To}: [^<]*{edge.Label}", page));
        Assert.Equal(Samples.Bank().Steps.Count(step => step.Secret), Regex.Count(page, "class=\"lock\""));
        using var other = await vic.Http.GetAsync("/flows/demo/elsewhere");
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    [Fact]
    public async Task The_two_ports_stay_apart_whatever_the_host_header_says()
    {
        using var stranger = new Visitor(_server);
        using var plain = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        foreach (var path in new[] { "/signin", "/", "/assets/app.css" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{_server.OtherPort}{path}");
            request.Headers.Host = $"localhost:{_server.Port}";
            using var answer = await plain.SendAsync(request);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
        Assert.Equal("metrics", await plain.GetStringAsync($"http://127.0.0.1:{_server.OtherPort}/metrics"));
        using var metrics = await stranger.Http.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.NotFound, metrics.StatusCode);
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_gives_a_page_that_says_so_and_nobody_in()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        _server.Cluster.IsDown = true;
        using var answer = await ada.Http.GetAsync("/lockouts");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        _server.Cluster.IsDown = false;
        Assert.True(await ada.IsSignedIn());
    }

    [Fact]
    public async Task The_overview_shows_calls_factor_checks_lockouts_and_edges()
    {
        using var vic = await new Visitor(_server).Join("vic", Roles.Viewer);
        await Eventually(() => _server.Get<Live.ClusterView>().Current.Activity.Verified > 0);
        var verified = _server.Cluster.Audit.Count(record => record.Entry is { Action: "factor.verified", Result: AuditResult.Success } && record.At > _server.Time.GetUtcNow().AddMinutes(-29));
        var page = await vic.Read("/");
        Assert.InRange(int.Parse(Regex.Match(page, "data-text=\"verified\">([0-9,]+)<").Groups[1].Value.Replace(",", "")), verified - 20, verified + 20);
        Assert.Contains("data-text=\"active\">12<", page);
        Assert.Contains("data-text=\"lockouts\">3<", page);
        Assert.Contains("silent for", page);
    }

    private static IEnumerable<(Type Page, MethodInfo Handler)> Changing() =>
        from page in typeof(DashboardHosting).Assembly.GetTypes()
        where page.IsSubclassOf(typeof(PageModel)) && !page.IsAbstract
        from handler in page.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        where handler.Name.StartsWith("On") && !handler.Name.StartsWith("OnGet")
        select (page, handler);

    private List<string> Routes() => [.. _server.Endpoints.OfType<RouteEndpoint>().Select(endpoint => endpoint.RoutePattern.RawText!.TrimStart('/')).Where(route => route != "metrics").Distinct()];

    private string RouteOf(Type page) => _server.Endpoints.OfType<RouteEndpoint>()
        .First(endpoint => endpoint.Metadata.GetMetadata<PageActionDescriptor>()?.ViewEnginePath == "/" + page.Name[..^"Model".Length]).RoutePattern.RawText!;

    private static string Fill(string route) => "/" + route.TrimStart('/').Replace("{tenant}", "demo").Replace("{flow}", "bank").Replace("{name}", "app.css").Replace("{recording}", TestRecordings.Here);

    private static async Task Eventually(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition()) await Task.Delay(20, limit.Token);
    }

    private static async Task Until(StreamReader reader, Func<string, bool> wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!wanted(await reader.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("the stream ended")))
        {
        }
    }

    private static async Task<string> FirstEvent(Visitor visitor, string path)
    {
        await using var stream = await visitor.Http.GetStreamAsync(path);
        using var reader = new StreamReader(stream);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (; ; )
        {
            var line = await reader.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("the stream ended");
            if (line.StartsWith("data:")) return line;
        }
    }

    [GeneratedRegex("""name="__RequestVerificationToken" type="hidden" value="([^"]+)""")]
    private static partial Regex AntiforgeryToken();

    // A style attribute, an event attribute, a script without a source, a style element, a javascript: address.
    [GeneratedRegex("""<[^>]*\s(style|on[a-z]+)=|<script(?![^>]*\ssrc=)|<style|javascript:""", RegexOptions.IgnoreCase)]
    private static partial Regex Inline();
}
