using System.Net;
using System.Text.RegularExpressions;
using OtpNet;
using Xunit;

namespace IvrActors.Dashboard.Tests;

/// <summary>A browser without scripts: keeps cookies, fills forms, follows nothing by itself.</summary>
public sealed partial class Visitor : IDisposable
{
    public const string Password = "correct horse battery";
    private readonly HttpClientHandler _handler;
    private readonly HttpClient _http;
    private readonly DashboardServer _server;

    public Visitor(DashboardServer server)
    {
        _server = server;
        _handler = new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer(), ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        _http = new HttpClient(_handler) { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Http => _http;
    public string Key { get; private set; } = "";
    public List<string> RecoveryCodes { get; private set; } = [];

    public IReadOnlyDictionary<string, string> Cookies => _handler.CookieContainer.GetAllCookies().ToDictionary(cookie => cookie.Name, cookie => cookie.Value);

    public void SetCookie(string name, string value) => _handler.CookieContainer.Add(_server.Address, new Cookie(name, value, "/") { Secure = true });

    public string Code() => new Totp(Base32Encoding.ToBytes(Key)).ComputeTotp(_server.Time.GetUtcNow().UtcDateTime);

    /// <summary>The code of a step that was not used yet.</summary>
    public string NextCode()
    {
        _server.Time.Advance(TimeSpan.FromSeconds(30));
        return Code();
    }

    public async Task<string> Read(string path)
    {
        using var answer = await _http.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {(int)answer.StatusCode} {text}");
        return text;
    }

    public async Task<HttpResponseMessage> Post(string formPage, string target, params (string Name, string Value)[] fields)
    {
        var token = Token().Match(await Read(formPage)).Groups[1].Value;
        return await PostWith(token, target, fields);
    }

    public Task<HttpResponseMessage> PostWith(string token, string target, params (string Name, string Value)[] fields) =>
        _http.PostAsync(target, new FormUrlEncodedContent(fields.Append((Name: "__RequestVerificationToken", Value: token)).Select(field => KeyValuePair.Create(field.Name, field.Value))));

    /// <summary>Joins by a fresh invitation for this role; signed in afterwards.</summary>
    public async Task<Visitor> Join(string name, string role)
    {
        var secret = _server.Cluster.Invite(role);
        using var first = await Post($"/join?code={secret}", "/join", ("invitation", secret), ("name", name), ("password", Password), ("again", Password));
        Assert.Equal("/enrol", first.Headers.Location?.OriginalString);
        Key = KeyText().Match(await Read("/enrol")).Groups[1].Value.Replace(" ", "");
        using var second = await Post("/enrol", "/enrol", ("code", Code()));
        RecoveryCodes = [.. CodeItem().Matches(await second.Content.ReadAsStringAsync()).Select(match => match.Groups[1].Value)];
        Assert.Equal(10, RecoveryCodes.Count);
        return this;
    }

    public Task<HttpResponseMessage> SignIn(string name, string password, string code) =>
        Post("/signin", "/signin", ("name", name), ("password", password), ("code", code));

    public async Task<bool> IsSignedIn()
    {
        using var answer = await _http.GetAsync("/account");
        return answer.StatusCode == HttpStatusCode.OK;
    }

    public void Dispose() => _http.Dispose();

    [GeneratedRegex("""name="__RequestVerificationToken" type="hidden" value="([^"]+)""")]
    private static partial Regex Token();

    [GeneratedRegex("""id="key" class="key">([A-Z2-7 ]+)<""")]
    private static partial Regex KeyText();

    [GeneratedRegex("<li>([0-9A-Z-]{19})</li>")]
    private static partial Regex CodeItem();
}
