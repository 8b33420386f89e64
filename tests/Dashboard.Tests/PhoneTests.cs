using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using IvrActors.Dashboard.Http;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Dashboard.Tests;

/// <summary>Who may call from the dashboard, and what its page may do that no other may. That it calls: CallsWithChromium of the system tests.</summary>
public sealed partial class PhoneTests : IAsyncLifetime
{
    private DashboardServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await DashboardServer.Start(phone: PhoneAt);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    internal static DashboardPhone PhoneAt(int port) => new() { Url = new Uri("wss://ivr.example:7443/sip"), Origin = $"https://localhost:{port}", Numbers = ["bank", "+493012345"] };

    [Theory]
    [InlineData(Roles.Viewer, false)]
    [InlineData(Roles.Operator, true)]
    [InlineData(Roles.Administrator, true)]
    public async Task Operators_see_the_phone_and_get_passes_and_viewers_do_not(string role, bool may)
    {
        using var person = await new Visitor(_server).Join("pat", role);
        Assert.Equal(may, (await person.Read("/")).Contains("href=\"/phone\"", StringComparison.Ordinal));
        using var page = await person.Http.GetAsync("/phone");
        Assert.Equal(may ? HttpStatusCode.OK : HttpStatusCode.Forbidden, page.StatusCode);
        using var pass = await person.PostWith(Token().Match(await person.Read("/account")).Groups[1].Value, "/phone?handler=Pass");
        Assert.Equal(may ? HttpStatusCode.OK : HttpStatusCode.Forbidden, pass.StatusCode);
        Assert.Equal(may ? 1 : 0, _server.Cluster.Passes.Count);
        Assert.Equal(may ? ["pat"] : [], _server.Cluster.Acts("phone.pass").Select(act => act.Actor));
    }

    [Fact]
    public async Task The_page_may_use_the_microphone_and_speak_to_the_edge_and_no_other_page_may()
    {
        using var olga = await new Visitor(_server).Join("olga", Roles.Operator);
        using var phone = await olga.Http.GetAsync("/phone");
        Assert.Equal(SecurityHeaders.Policy.Replace("connect-src 'self'", "connect-src 'self' wss://ivr.example:7443/sip", StringComparison.Ordinal), phone.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Contains("microphone=(self)", phone.Headers.GetValues("Permissions-Policy").Single(), StringComparison.Ordinal);
        var html = await phone.Content.ReadAsStringAsync();
        Assert.Contains("data-url=\"wss://ivr.example:7443/sip\"", html, StringComparison.Ordinal);
        Assert.Contains("value=\"bank\"", html, StringComparison.Ordinal);
        Assert.All("1234567890", digit => Assert.Contains($"aria-label=\"Key {digit}\"", html, StringComparison.Ordinal));

        using var stranger = new Visitor(_server);
        foreach (var (visitor, path) in new[] { (olga, "/"), (olga, "/calls"), (olga, "/no/such/page"), (olga, "/assets/sip.js"), (stranger, "/phone") })
        {
            using var answer = await visitor.Http.GetAsync(path);
            Assert.Equal(SecurityHeaders.Policy, answer.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Contains("microphone=()", answer.Headers.GetValues("Permissions-Policy").Single(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Under_another_name_the_page_sends_to_the_one_that_the_edge_takes_calls_from()
    {
        using var olga = await new Visitor(_server).Join("olga", Roles.Operator);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/phone");
        request.Headers.Host = $"dashboard.example:{_server.Port}";
        using var answer = await olga.Http.SendAsync(request);
        Assert.Contains($"<a href=\"https://localhost:{_server.Port}/phone\">", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(SecurityHeaders.Policy, answer.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Fact]
    public async Task Each_call_gets_a_pass_of_its_own_that_is_in_no_cache_and_no_ledger()
    {
        using var olga = await new Visitor(_server).Join("olga", Roles.Operator);
        using var first = await olga.Post("/account", "/phone?handler=Pass");
        using var second = await olga.Post("/account", "/phone?handler=Pass");
        Assert.Contains("no-store", first.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        var (one, other) = (await PassOf(first), await PassOf(second));
        Assert.Equal(_server.Cluster.Passes, [one.User!, other.User!]);
        Assert.NotEqual(one, other);
        Assert.DoesNotContain(_server.Cluster.Audit, record => record.Entry.Detail.Contains(one.User!, StringComparison.Ordinal) || record.Entry.Object.Contains(one.User!, StringComparison.Ordinal));

        _server.Cluster.GivesPasses = false;
        using var none = await olga.Post("/account", "/phone?handler=Pass");
        Assert.Equal((null, null), await PassOf(none));
    }

    [Fact]
    public async Task What_cannot_be_audited_gives_no_pass()
    {
        using var olga = await new Visitor(_server).Join("olga", Roles.Operator);
        _server.Cluster.Refused = nameof(IAuditGrain.AppendOperatorAct);
        using var answer = await olga.Post("/account", "/phone?handler=Pass");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Empty(_server.Cluster.Passes);
    }

    [Fact]
    public async Task A_phone_that_is_not_switched_on_says_how_it_is_and_gives_no_pass()
    {
        await using var server = await DashboardServer.Start();
        using var olga = await new Visitor(server).Join("olga", Roles.Operator);
        var page = await olga.Read("/phone");
        Assert.Contains("phone: { url:", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
        Assert.DoesNotContain("softphone.js", page, StringComparison.Ordinal);
        using var pass = await olga.Post("/account", "/phone?handler=Pass");
        Assert.Equal(HttpStatusCode.NotFound, pass.StatusCode);
        Assert.Empty(server.Cluster.Passes);
    }

    private static async Task<(string? User, string? Password)> PassOf(HttpResponseMessage answer)
    {
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return (json.RootElement.GetProperty("user").GetString(), json.RootElement.GetProperty("password").GetString());
    }

    [GeneratedRegex("""name="__RequestVerificationToken" type="hidden" value="([^"]+)""")]
    private static partial Regex Token();
}
