using System.Diagnostics;
using System.Net;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Dashboard.Tests;

public sealed class JoinAndSignInTests : IAsyncLifetime
{
    private DashboardServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await DashboardServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_invitation_makes_an_operator_with_a_password_an_app_and_recovery_codes()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);

        Assert.True(await ada.IsSignedIn());
        var record = _server.Cluster.Operators[IOperatorGrain.Key("ADA")];
        Assert.True(record.TwoFactorEnabled);
        Assert.Equal(Roles.Administrator, record.Role);
        Assert.DoesNotContain(Visitor.Password, record.PasswordHash);
        Assert.DoesNotContain(record.RecoveryCodeHashes, ada.RecoveryCodes.Contains);
        Assert.Single(_server.Cluster.Acts("operator.joined"), act => act.Actor == "ada");
    }

    [Fact]
    public async Task An_invitation_is_not_used_up_before_a_code_of_the_app_is_right()
    {
        var secret = _server.Cluster.Invite(Roles.Viewer);
        using var visitor = new Visitor(_server);
        using var first = await visitor.Post($"/join?code={secret}", "/join", ("invitation", secret), ("name", "bob"), ("password", Visitor.Password), ("again", Visitor.Password));
        using var wrong = await visitor.Post("/enrol", "/enrol", ("code", "000000"));

        Assert.Contains("not right", await wrong.Content.ReadAsStringAsync());
        Assert.Empty(_server.Cluster.Operators);
        Assert.True(_server.Cluster.Invitations.ContainsKey(secret));
        Assert.False(await visitor.IsSignedIn());
    }

    [Fact]
    public async Task An_invitation_works_once()
    {
        var secret = _server.Cluster.Invite(Roles.Viewer);
        _server.Cluster.Invitations.TryRemove(secret, out _);
        using var visitor = new Visitor(_server);
        Assert.Contains("cannot be used", await visitor.Read($"/join?code={secret}"));
    }

    [Theory]
    [InlineData("short", "at least 12")]
    [InlineData("aaaaaaaaaaaaaaaa", "different characters")]
    [InlineData("ivractors rule all", "tried first")]
    [InlineData("my name is carol ok", "Leave your name out")]
    public async Task A_weak_password_is_refused_and_says_why(string password, string reason)
    {
        var secret = _server.Cluster.Invite(Roles.Viewer);
        using var visitor = new Visitor(_server);
        using var answer = await visitor.Post($"/join?code={secret}", "/join", ("invitation", secret), ("name", "carol"), ("password", password), ("again", password));
        Assert.Contains(reason, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Name_password_and_code_sign_in_and_the_session_gets_a_new_name()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        var before = ada.Cookies["__Host-ivr-session"];
        using var answer = await ada.SignIn("Ada", Visitor.Password, ada.NextCode());

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.NotEqual(before, ada.Cookies["__Host-ivr-session"]);
        using var thief = new Visitor(_server);
        thief.SetCookie("__Host-ivr-session", before);
        Assert.False(await thief.IsSignedIn());
        Assert.Single(_server.Cluster.Acts("operator.signed-in"));
    }

    [Fact]
    public async Task A_code_that_was_used_is_refused()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        var code = ada.NextCode();
        using var one = new Visitor(_server);
        using var two = new Visitor(_server);
        using var first = await one.SignIn("ada", Visitor.Password, code);
        using var again = await two.SignIn("ada", Visitor.Password, code);

        Assert.True(await one.IsSignedIn());
        Assert.False(await two.IsSignedIn());
    }

    [Fact]
    public async Task Of_two_sign_ins_at_once_with_the_same_code_one_wins()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        var code = ada.NextCode();
        var visitors = Enumerable.Range(0, 6).Select(_ => new Visitor(_server)).ToList();
        await Task.WhenAll(visitors.Select(async visitor => (await visitor.SignIn("ada", Visitor.Password, code)).Dispose()));
        var inside = await Task.WhenAll(visitors.Select(visitor => visitor.IsSignedIn()));
        visitors.ForEach(visitor => visitor.Dispose());
        Assert.True(inside.Count(signedIn => signedIn) <= 1);
    }

    [Fact]
    public async Task A_recovery_code_works_once()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var one = new Visitor(_server);
        using var two = new Visitor(_server);
        (await one.SignIn("ada", Visitor.Password, ada.RecoveryCodes[3].ToLowerInvariant())).Dispose();
        (await two.SignIn("ada", Visitor.Password, ada.RecoveryCodes[3])).Dispose();

        Assert.True(await one.IsSignedIn());
        Assert.False(await two.IsSignedIn());
    }

    [Fact]
    public async Task After_ten_failures_the_right_factors_are_refused_for_half_an_hour()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var visitor = new Visitor(_server);
        for (var i = 0; i < 10; i++) (await visitor.SignIn("ada", "wrong password here", ada.Code())).Dispose();

        (await visitor.SignIn("ada", Visitor.Password, ada.NextCode())).Dispose();
        Assert.False(await visitor.IsSignedIn());
        _server.Time.Advance(TimeSpan.FromMinutes(28));
        (await visitor.SignIn("ada", Visitor.Password, ada.NextCode())).Dispose();
        Assert.False(await visitor.IsSignedIn());
        _server.Time.Advance(TimeSpan.FromMinutes(2));
        (await visitor.SignIn("ada", Visitor.Password, ada.NextCode())).Dispose();
        Assert.True(await visitor.IsSignedIn());
        Assert.Contains(_server.Cluster.Acts("operator.sign-in-refused"), act => act is { Actor: "ada", Detail: "locked", Result: AuditResult.Failure });
    }

    [Fact]
    public async Task A_right_password_with_a_wrong_code_counts_as_a_failure()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var visitor = new Visitor(_server);
        (await visitor.SignIn("ada", Visitor.Password, "000000")).Dispose();
        Assert.Equal(1, _server.Cluster.Operators[IOperatorGrain.Key("ADA")].AccessFailedCount);
    }

    [Fact]
    public async Task An_unknown_name_a_wrong_password_a_wrong_code_and_a_lock_read_the_same()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var eve = await new Visitor(_server).Join("eve", Roles.Operator);
        var key = IOperatorGrain.Key("EVE");
        _server.Cluster.Operators[key] = FakeCluster.Copy(_server.Cluster.Operators[key], Roles.Operator, 9, _server.Time.GetUtcNow().AddHours(1));
        var answers = new List<string>();
        foreach (var (name, password, code) in new[] { ("zoe", Visitor.Password, "123456"), ("ada", "wrong password here", ada.NextCode()), ("ada", Visitor.Password, "000000"), ("eve", Visitor.Password, eve.Code()) })
        {
            using var visitor = new Visitor(_server);
            using var answer = await visitor.SignIn(name, password, code);
            var body = await answer.Content.ReadAsStringAsync();
            // The antiforgery token and the name that was typed differ by nature.
            body = System.Text.RegularExpressions.Regex.Replace(body, "value=\"[^\"]*\"", "");
            answers.Add($"{answer.StatusCode} {string.Join(',', answer.Headers.Select(header => header.Key).Order())} {body}");
        }
        Assert.Single(answers.Distinct());
    }

    [Fact]
    public async Task A_refusal_takes_its_least_time_for_an_unknown_name_too()
    {
        await using var server = await DashboardServer.Start(floor: TimeSpan.FromMilliseconds(700));
        using var visitor = new Visitor(server);
        await visitor.Read("/signin");
        var watch = Stopwatch.StartNew();
        (await visitor.SignIn("zoe", "wrong password here", "123456")).Dispose();
        Assert.True(watch.Elapsed >= TimeSpan.FromMilliseconds(690), watch.Elapsed.ToString());
    }

    [Fact]
    public async Task What_was_typed_as_an_unknown_name_is_not_written_down()
    {
        using var visitor = new Visitor(_server);
        (await visitor.SignIn("Hunter2.in.the.wrong.field", "x", "123456")).Dispose();
        Assert.Equal("unknown", Assert.Single(_server.Cluster.Acts("operator.sign-in-refused")).Actor);
    }

    [Fact]
    public async Task A_network_that_tries_too_often_is_slowed_down()
    {
        await using var server = await DashboardServer.Start(signInsPerMinute: 3);
        using var visitor = new Visitor(server);
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 4; i++)
        {
            using var answer = await visitor.SignIn("zoe", "x", "123456");
            answers.Add(answer.StatusCode);
        }
        Assert.Equal(HttpStatusCode.TooManyRequests, answers[^1]);
        Assert.Equal(HttpStatusCode.OK, answers[0]);
    }

    [Fact]
    public async Task Signing_out_ends_the_session_wherever_its_cookie_went()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        using var copy = new Visitor(_server);
        copy.SetCookie("__Host-ivr-session", ada.Cookies["__Host-ivr-session"]);
        Assert.True(await copy.IsSignedIn());
        (await ada.Post("/account", "/signout")).Dispose();
        Assert.False(await copy.IsSignedIn());
        Assert.Single(_server.Cluster.Acts("operator.signed-out"));
    }

    [Fact]
    public async Task A_session_ends_after_fifteen_idle_minutes_and_what_a_page_fetches_by_itself_does_not_count()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        _server.Time.Advance(TimeSpan.FromMinutes(14));
        Assert.True(await ada.IsSignedIn());
        _server.Time.Advance(TimeSpan.FromMinutes(14));
        using (var stream = await ada.Http.GetAsync("/events/calls", HttpCompletionOption.ResponseHeadersRead))
        {
            Assert.Equal(HttpStatusCode.OK, stream.StatusCode);
        }
        _server.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.False(await ada.IsSignedIn());
    }

    [Fact]
    public async Task A_working_day_ends_every_session()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Operator);
        for (var minutes = 0; minutes < 12 * 60; minutes += 10)
        {
            Assert.True(await ada.IsSignedIn());
            _server.Time.Advance(TimeSpan.FromMinutes(10));
        }
        Assert.False(await ada.IsSignedIn());
    }

    [Fact]
    public async Task Cookies_are_host_bound_secure_hidden_from_scripts_and_same_site()
    {
        using var visitor = new Visitor(_server);
        var secret = _server.Cluster.Invite(Roles.Viewer);
        using var page = await visitor.Http.GetAsync($"/join?code={secret}");
        using var joined = await visitor.Post($"/join?code={secret}", "/join", ("invitation", secret), ("name", "bob"), ("password", Visitor.Password), ("again", Visitor.Password));
        using var ada = await new Visitor(_server).Join("ada", Roles.Viewer);
        using var signedIn = await ada.SignIn("ada", Visitor.Password, ada.NextCode());
        var cookies = new[] { page, joined, signedIn }.SelectMany(answer => answer.Headers.GetValues("Set-Cookie")).ToList();

        Assert.Equal(3, cookies.Select(cookie => cookie.Split('=')[0]).Distinct().Count());
        Assert.All(cookies, cookie =>
        {
            Assert.StartsWith("__Host-", cookie);
            Assert.Contains("secure", cookie);
            Assert.Contains("httponly", cookie);
            Assert.Contains("samesite=strict", cookie);
            Assert.Contains("path=/", cookie);
        });
    }

    [Fact]
    public async Task A_role_change_and_a_deletion_take_effect_at_the_next_request()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        using var bob = await new Visitor(_server).Join("bob", Roles.Administrator);
        Assert.Contains("ada", await bob.Read("/operators"));
        (await ada.Post("/operators", "/operators?handler=Role", ("name", "bob"), ("role", Roles.Viewer))).Dispose();
        using (var refused = await bob.Http.GetAsync("/operators")) Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.True(await bob.IsSignedIn());
        (await ada.Post("/operators", "/operators?handler=Delete", ("name", "bob"))).Dispose();
        Assert.False(await bob.IsSignedIn());
    }

    [Fact]
    public async Task An_administrator_invites_and_cannot_change_themselves()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Administrator);
        using var made = await ada.Post("/operators", "/operators?handler=Invite", ("role", Roles.Operator));
        var secret = Assert.Single(_server.Cluster.Invitations).Key;
        Assert.Contains($"https://localhost:{_server.Port}/join?code={secret}", await made.Content.ReadAsStringAsync());
        using var self = await ada.Post("/operators", "/operators?handler=Delete", ("name", "ADA"));
        Assert.Equal(HttpStatusCode.BadRequest, self.StatusCode);
        Assert.Contains(_server.Cluster.Calls, call => call is { Method: "Invite", Name: "ada", Role: Roles.Administrator });
    }

    [Fact]
    public async Task Changing_the_password_asks_for_both_factors_and_ends_other_sessions()
    {
        const string fresh = "another fine long secret";
        using var ada = await new Visitor(_server).Join("ada", Roles.Viewer);
        using var other = new Visitor(_server);
        (await other.SignIn("ada", Visitor.Password, ada.NextCode())).Dispose();
        using var refused = await ada.Post("/account", "/account?handler=Password", ("newPassword", fresh), ("again", fresh), ("password", Visitor.Password), ("code", "000000"));
        Assert.Contains("do not fit together", await refused.Content.ReadAsStringAsync());

        using var changed = await ada.Post("/account", "/account?handler=Password", ("newPassword", fresh), ("again", fresh), ("password", Visitor.Password), ("code", ada.NextCode()));
        Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
        Assert.True(await ada.IsSignedIn());
        Assert.False(await other.IsSignedIn());
        (await other.SignIn("ada", fresh, ada.NextCode())).Dispose();
        Assert.True(await other.IsSignedIn());
    }

    [Fact]
    public async Task Another_app_replaces_the_first_only_when_a_code_of_it_is_right()
    {
        using var ada = await new Visitor(_server).Join("ada", Roles.Viewer);
        var before = _server.Cluster.Operators[IOperatorGrain.Key("ADA")].AuthenticatorKey;
        using var begun = await ada.Post("/account", "/account?handler=Authenticator", ("password", Visitor.Password), ("code", ada.RecoveryCodes[0]));
        Assert.Equal("/enrol", begun.Headers.Location?.OriginalString);
        Assert.Equal(before, _server.Cluster.Operators[IOperatorGrain.Key("ADA")].AuthenticatorKey);
        var key = System.Text.RegularExpressions.Regex.Match(await ada.Read("/enrol"), "class=\"key\">([A-Z2-7 ]+)<").Groups[1].Value.Replace(" ", "");
        var code = new OtpNet.Totp(OtpNet.Base32Encoding.ToBytes(key)).ComputeTotp(_server.Time.GetUtcNow().UtcDateTime);
        using var done = await ada.Post("/enrol", "/enrol", ("code", code));
        Assert.Contains("Recovery codes", await done.Content.ReadAsStringAsync());
        Assert.Equal(key, _server.Cluster.Operators[IOperatorGrain.Key("ADA")].AuthenticatorKey);
        Assert.Single(_server.Cluster.Acts("operator.factor-replaced"));
    }
}
