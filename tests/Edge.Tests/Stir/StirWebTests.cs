using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Tests.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>Certificates from a real HTTPS server on loopback, as any server of a stranger may answer.</summary>
public sealed class StirWebTests : IAsyncLifetime
{
    private static readonly IPNetwork[] s_loopback = [IPNetwork.Parse("127.0.0.0/8")];

    private readonly StirPki _pki = new(DateTimeOffset.UtcNow);
    private StirWeb _web = null!;

    public async ValueTask InitializeAsync() => _web = await StirWeb.Start();

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        _pki.Dispose();
    }

    private async Task<FetchResult> Fetch(string url, IReadOnlyList<IPNetwork>? trusted = null, X509Certificate2Collection? authorities = null, TimeProvider? time = null)
    {
        using var fetcher = new CertificateFetcher(trusted ?? s_loopback, new DnsAnswers([], time ?? TimeProvider.System), authorities ?? _web.Authorities, time ?? TimeProvider.System);
        return (await fetcher.Fetch(url).WaitAsync(EdgeHost.Patience)).Result;
    }

    [Fact]
    public async Task A_certificate_is_fetched_in_pem_or_der()
    {
        var signer = _pki.Issue(StirPki.Provider());
        _web.Answers["/a.pem"] = http => StirWeb.Say(http, signer.Content);
        _web.Answers["/a.cer"] = http => StirWeb.Say(http, X509Certificate2.CreateFromPem(signer.Pem).RawData);
        Assert.Equal(FetchResult.Fetched, await Fetch(_web.Url("/a.pem")));
        Assert.Equal(FetchResult.Fetched, await Fetch(_web.Url("/a.cer")));
    }

    [Fact]
    public async Task What_is_no_certificate_for_telephone_numbers_is_none()
    {
        _web.Answers["/none.pem"] = http => StirWeb.Say(http, _pki.Issue(null).Content);
        _web.Answers["/junk.pem"] = http => StirWeb.Say(http, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"u8.ToArray());
        _web.Answers["/empty.pem"] = http => StirWeb.Say(http, []);
        foreach (var path in new[] { "/none.pem", "/junk.pem", "/empty.pem" }) Assert.Equal(FetchResult.NoCertificate, await Fetch(_web.Url(path)));
    }

    [Fact]
    public async Task A_redirection_is_not_followed_and_no_other_answer_is_taken()
    {
        _web.Answers["/there.pem"] = http => StirWeb.Say(http, _pki.Issue(StirPki.Provider()).Content);
        _web.Answers["/moved.pem"] = http =>
        {
            http.Response.Redirect(_web.Url("/there.pem"));
            return Task.CompletedTask;
        };
        Assert.Equal(FetchResult.Redirected, await Fetch(_web.Url("/moved.pem")));
        Assert.Equal(FetchResult.Refused, await Fetch(_web.Url("/absent.pem")));
        Assert.Equal(["/moved.pem", "/absent.pem"], _web.Asked);
    }

    [Fact]
    public async Task A_body_above_the_bound_is_refused_whether_its_length_is_told_or_not()
    {
        var pem = _pki.Issue(StirPki.Provider()).Content;
        byte[] large = [.. pem, .. new byte[StirLimits.CertificateBytes]];
        _web.Answers["/told.pem"] = http => StirWeb.Say(http, large);
        _web.Answers["/untold.pem"] = async http => await http.Response.Body.WriteAsync(large, http.RequestAborted);
        Assert.Equal(FetchResult.TooLarge, await Fetch(_web.Url("/told.pem")));
        Assert.Equal(FetchResult.TooLarge, await Fetch(_web.Url("/untold.pem")));
    }

    [Fact]
    public async Task A_server_that_takes_its_time_is_given_up_after_two_seconds()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var asked = new TaskCompletionSource();
        _web.Answers["/slow.pem"] = async http =>
        {
            await http.Response.Body.WriteAsync("-----BEGIN"u8.ToArray(), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        };
        var fetch = Fetch(_web.Url("/slow.pem"), time: time);
        await asked.Task.WaitAsync(EdgeHost.Patience);
        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(fetch.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(FetchResult.TimedOut, await fetch);
    }

    [Fact]
    public async Task A_private_address_is_not_asked_by_whatever_name_it_comes()
    {
        using var dns = new DnsServer().Address("cert.test", "127.0.0.1").Address("mixed.test", "8.8.8.8").Address("mixed.test", "127.0.0.1").Address("six.test", "::1");
        using var fetcher = new CertificateFetcher([], new DnsAnswers([dns.EndPoint], TimeProvider.System), _web.Authorities, TimeProvider.System);
        foreach (var host in new[] { "127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "cert.test", "mixed.test", "six.test" })
            Assert.Equal(FetchResult.Forbidden, (await fetcher.Fetch($"https://{host}:{_web.Port}/a.pem")).Result);
        Assert.Equal(FetchResult.Unresolved, (await fetcher.Fetch($"https://absent.test:{_web.Port}/a.pem")).Result);
        Assert.Empty(_web.Asked);
        Assert.Equal(0, _web.Connections);
    }

    [Fact]
    public async Task A_url_that_is_not_https_asks_nobody()
    {
        Assert.Equal(FetchResult.BadUrl, await Fetch(_web.Url("/a.pem").Replace("https", "http", StringComparison.Ordinal)));
        Assert.Equal(0, _web.Connections);
    }

    [Fact]
    public async Task A_web_server_must_prove_who_it_is()
    {
        _web.Answers["/a.pem"] = http => StirWeb.Say(http, _pki.Issue(StirPki.Provider()).Content);
        Assert.Equal(FetchResult.Unreachable, await Fetch(_web.Url("/a.pem"), authorities: _pki.Authorities));
        Assert.Empty(_web.Asked);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task What_a_web_servers_certificate_names_is_not_asked(bool withAuthorities)
    {
        using var named = new TcpListener(IPAddress.Loopback, 0);
        using var server = new TcpListener(IPAddress.Loopback, 0);
        named.Start();
        server.Start();
        using var authority = new TestAuthority("unknown CA");
        using var certificate = authority.IssueForLoopback($"http://{named.LocalEndpoint}/ca.cer");
        using var fetcher = new CertificateFetcher(s_loopback, new DnsAnswers([], TimeProvider.System), withAuthorities ? _pki.Authorities : null, TimeProvider.System);
        var fetch = fetcher.Fetch($"https://{server.LocalEndpoint}/a.pem");
        using var connection = await server.AcceptTcpClientAsync();
        await using var tls = new SslStream(connection.GetStream());
        // Offline, for a server may ask what its own certificate names.
        var options = new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true) };
        // The client goes away during the handshake or after it, as the version of TLS has it.
        await Record.ExceptionAsync(() => tls.AuthenticateAsServerAsync(options));
        Assert.Equal(FetchResult.Unreachable, (await fetch.WaitAsync(EdgeHost.Patience)).Result);
        Assert.False(named.Pending());
    }

    [Fact]
    public async Task Calls_at_the_same_time_share_one_fetch_and_later_ones_its_result_for_a_day()
    {
        var time = new FakeTimeProvider(_pki.Now);
        var (fetched, go) = (0, new TaskCompletionSource<(FetchResult, StirCertificate?)>());
        var certificates = new StirCertificates(_ =>
        {
            fetched++;
            return go.Task;
        }, _ => true, time);
        var waiting = Enumerable.Range(0, 20).Select(_ => certificates.Get("https://a/")).ToArray();
        var certificate = _pki.Issue(StirPki.Provider()).Certificate;
        go.SetResult((FetchResult.Fetched, certificate));
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Same(certificate, answer.Certificate));
        time.Advance(TimeSpan.FromHours(23.9));
        Assert.Same(certificate, (await certificates.Get("https://a/")).Certificate);
        Assert.Equal(1, fetched);
        time.Advance(TimeSpan.FromHours(0.2));
        await certificates.Get("https://a/");
        Assert.Equal(2, fetched);
    }

    [Fact]
    public async Task A_failure_is_remembered_for_half_a_minute_and_a_certificate_no_longer_than_it_lives()
    {
        var time = new FakeTimeProvider(_pki.Now);
        var (fetched, answer) = (0, (FetchResult.TimedOut, default(StirCertificate)));
        var certificates = new StirCertificates(_ =>
        {
            fetched++;
            return Task.FromResult(answer);
        }, _ => true, time);
        Assert.Equal(StirFailure.NotFetched, (await certificates.Get("https://a/")).Failure);
        await certificates.Get("https://a/");
        Assert.Equal(1, fetched);
        time.Advance(TimeSpan.FromSeconds(30));
        answer = (FetchResult.Fetched, _pki.Issue(StirPki.Provider(), until: TimeSpan.FromHours(1)).Certificate);
        Assert.Equal(StirFailure.None, (await certificates.Get("https://a/")).Failure);
        time.Advance(TimeSpan.FromMinutes(61));
        await certificates.Get("https://a/");
        Assert.Equal(3, fetched);
    }

    [Fact]
    public async Task Fetches_at_once_are_bounded_and_what_is_above_the_bound_is_not_remembered()
    {
        var go = new TaskCompletionSource<(FetchResult, StirCertificate?)>();
        var certificates = new StirCertificates(_ => go.Task, _ => true, new FakeTimeProvider(_pki.Now));
        var waiting = Enumerable.Range(0, StirCertificates.MostAtOnce).Select(i => certificates.Get($"https://a/{i}")).ToArray();
        Assert.Equal(StirFailure.Busy, (await certificates.Get("https://b/")).Failure);
        go.SetResult((FetchResult.Fetched, _pki.Issue(StirPki.Provider()).Certificate));
        await Task.WhenAll(waiting);
        Assert.Equal(StirFailure.None, (await certificates.Get("https://b/")).Failure);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Strangers_urls_push_failures_out_before_certificates_that_are_trusted(bool haveCertificates)
    {
        var asked = new ConcurrentQueue<string>();
        using var stranger = new StirPki(_pki.Now);
        var (certificate, strange) = (_pki.Issue(StirPki.Provider()).Certificate, stranger.Issue(StirPki.Provider()).Certificate);
        var trust = _pki.Trust();
        var time = new FakeTimeProvider(_pki.Now);
        var certificates = new StirCertificates(url =>
        {
            asked.Enqueue(url);
            if (url == "https://good/") return Task.FromResult((FetchResult.Fetched, (StirCertificate?)certificate));
            return Task.FromResult(haveCertificates ? (FetchResult.Fetched, strange) : (FetchResult.Refused, null));
        }, one => trust.Judge(one, _pki.Now, _pki.Now) == StirFailure.None, time);
        await certificates.Get("https://good/");
        // What strangers have would stay longer, if it were kept for as long.
        time.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 3 * StirCertificates.MostEntries; i++) await certificates.Get($"https://bad/{i}");
        await certificates.Get("https://good/");
        Assert.Single(asked, url => url == "https://good/");
        var last = $"https://bad/{3 * StirCertificates.MostEntries - 1}";
        Assert.Equal(haveCertificates ? strange : null, (await certificates.Get(last)).Certificate);
        time.Advance(TimeSpan.FromSeconds(30));
        await certificates.Get(last);
        Assert.Equal(2, asked.Count(url => url == last));
    }
}

/// <summary>A web server with TLS on loopback that answers as a test says.</summary>
internal sealed class StirWeb : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _connections;

    private StirWeb(WebApplication app, string authority) => (_app, AuthorityPem) = (app, authority);

    /// <summary>By path.</summary>
    public ConcurrentDictionary<string, RequestDelegate> Answers { get; } = new();

    public ConcurrentQueue<string> Asked { get; } = new();

    public int Connections => Volatile.Read(ref _connections);

    public string AuthorityPem { get; }

    public X509Certificate2Collection Authorities => [X509Certificate2.CreateFromPem(AuthorityPem)];

    public int Port => new Uri(_app.Urls.First()).Port;

    public string Url(string path) => $"https://127.0.0.1:{Port}{path}";

    public static async Task<StirWeb> Start()
    {
        using var authority = new TestAuthority("web CA");
        var certificate = authority.IssueForLoopback(); // The server keeps it to its end.
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        StirWeb? web = null;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Use(next => connection =>
            {
                Interlocked.Increment(ref web!._connections);
                return next(connection);
            });
            listen.UseHttps(certificate);
        }));
        var app = builder.Build();
        web = new StirWeb(app, authority.Pem);
        app.Run(web.Answer);
        await app.StartAsync();
        return web;
    }

    public static async Task Say(HttpContext http, byte[] body)
    {
        http.Response.ContentType = "application/pem-certificate-chain";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private Task Answer(HttpContext http)
    {
        Asked.Enqueue(http.Request.Path);
        if (Answers.TryGetValue(http.Request.Path, out var answer)) return answer(http);
        http.Response.StatusCode = 404;
        return Task.CompletedTask;
    }
}
