using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Delivery;
using IvrActors.Silo.Tests.Cluster;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Delivery;

public sealed partial class WebhookTests : IDisposable
{
    private const string Key = "webhook secret of 32 characters!";

    private readonly TestFolder _folder = new();
    private readonly Lines _lines = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_code_arrives_once_signed_and_whole()
    {
        await using var server = await WebhookServer.Start();
        using var delivery = Delivery(server.Address);

        Assert.Equal(DeliveryResult.Sent, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));

        var request = Assert.Single(server.Requests);
        Assert.Equal(("POST", "/v1/send?key=1", "application/json", "code-1"), (request.Method, request.Target, request.Headers["Content-Type"], request.Headers["Idempotency-Key"]));
        Assert.True(IsSigned(request));
        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal(
            ["id=code-1", "tenant=demo", "channel=sms", "to=+12125550100", "code=604718", "language=en", "call=call-1", "expires=2026-11-29T12:10:00Z"],
            body.RootElement.EnumerateObject().Select(p => $"{p.Name}={p.Value.GetString()}"));
        Assert.DoesNotContain(request.Headers.Keys, name => name.StartsWith("traceparent", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData(CodeChannel.Voice, "voice", Codes.Number)]
    [InlineData(CodeChannel.Email, "email", Codes.Address)]
    public async Task The_channel_decides_where_it_goes(CodeChannel channel, string name, string to)
    {
        await using var server = await WebhookServer.Start();
        using var delivery = Delivery(server.Address);

        await delivery.Send(Codes.Message(channel), Cancellation);

        using var body = JsonDocument.Parse(Assert.Single(server.Requests).Body);
        Assert.Equal((name, to), (body.RootElement.GetProperty("channel").GetString(), body.RootElement.GetProperty("to").GetString()));
    }

    [Fact]
    public async Task The_documented_check_accepts_what_is_sent_and_nothing_else()
    {
        await using var server = await WebhookServer.Start();
        using var delivery = Delivery(server.Address);
        await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation);
        var request = Assert.Single(server.Requests);
        var altered = request with { Body = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(request.Body).Replace(Codes.Number, "+19005550100", StringComparison.Ordinal)) };
        var late = request with { Headers = new(request.Headers) { [WebhookProvider.TimestampHeader] = "1000000000" } };

        Assert.Equal("True", Documented(request));
        Assert.Equal("False", Documented(altered));
        Assert.Equal("False", Documented(late));
    }

    [Fact]
    public async Task What_fails_on_their_side_is_sent_again_under_the_same_id()
    {
        await using var server = await WebhookServer.Start();
        server.Answer = (number, http) => Status(http, number switch { 0 => 503, 1 => 429, _ => 202 });
        using var delivery = Delivery(server.Address);

        Assert.Equal(DeliveryResult.Sent, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));

        Assert.Equal(3, server.Requests.Count);
        Assert.All(server.Requests, request => Assert.True(IsSigned(request)));
        Assert.Single(server.Requests.Select(request => request.Headers["Idempotency-Key"] + Encoding.UTF8.GetString(request.Body)).Distinct());
    }

    [Fact]
    public async Task A_provider_that_goes_on_failing_is_unavailable_after_three_attempts()
    {
        await using var server = await WebhookServer.Start();
        server.Answer = (_, http) => Status(http, 500);
        using var delivery = Delivery(server.Address);

        Assert.Equal(DeliveryResult.Unavailable, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));

        Assert.Equal(3, server.Requests.Count);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(301)]
    [InlineData(307)]
    public async Task What_they_refuse_is_not_repeated_and_no_redirect_is_followed(int status)
    {
        await using var elsewhere = await WebhookServer.Start();
        await using var server = await WebhookServer.Start();
        server.Answer = (_, http) =>
        {
            http.Response.Headers.Location = elsewhere.Address.ToString();
            return Status(http, status);
        };
        using var delivery = Delivery(server.Address);

        Assert.Equal(DeliveryResult.Refused, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));

        Assert.Single(server.Requests);
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public async Task A_provider_that_hangs_is_given_up_within_five_seconds()
    {
        var time = new FakeTimeProvider(Codes.Expires.AddMinutes(-5));
        await using var server = await WebhookServer.Start();
        server.Answer = (_, http) => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        using var delivery = Delivery(server.Address, time);
        var began = time.GetUtcNow();

        var sending = delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation);
        while (!sending.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
            // Lets the sockets have their turn; how often does not matter.
            await Task.Delay(1, Cancellation);
        }

        Assert.Equal(DeliveryResult.Unavailable, await sending);
        Assert.InRange(time.GetUtcNow() - began, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5.1));
    }

    [Fact]
    public async Task So_many_run_at_once_and_the_rest_wait()
    {
        var gate = new TaskCompletionSource();
        var two = new TaskCompletionSource();
        var (now, most) = (0, 0);
        await using var server = await WebhookServer.Start();
        server.Answer = async (number, _) =>
        {
            lock (gate) most = Math.Max(most, ++now);
            if (number == 1) two.SetResult();
            await gate.Task;
            lock (gate) now--;
        };
        using var delivery = Delivery(server.Address, atOnce: 2);

        var sending = Enumerable.Range(0, 8).Select(i => delivery.Send(Codes.Message(CodeChannel.Sms, $"code-{i}"), Cancellation)).ToList();
        await two.Task.WaitAsync(Cancellation);
        gate.SetResult();

        Assert.All(await Task.WhenAll(sending), result => Assert.Equal(DeliveryResult.Sent, result));
        Assert.Equal((8, 2), (server.Requests.Count, most));
    }

    [Theory]
    [InlineData("127.0.0.1", true, DeliveryResult.Sent)]
    [InlineData("127.0.0.1", false, DeliveryResult.Unavailable)]
    [InlineData("other.example", true, DeliveryResult.Unavailable)]
    public async Task Only_the_right_name_of_a_trusted_authority_is_sent_to(string name, bool trusted, DeliveryResult expected)
    {
        using var authority = new TestAuthority(_folder);
        await using var server = await WebhookServer.Start(authority.Sign(name));
        using var delivery = Delivery(server.Address, authority: trusted ? authority.File : null);

        Assert.Equal(expected, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));

        Assert.Equal(expected == DeliveryResult.Sent ? 1 : 0, server.Requests.Count);
    }

    [Fact]
    public async Task Neither_code_nor_destination_is_logged_counted_or_traced()
    {
        var traced = new List<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (traced) traced.Add($"{activity.OperationName} {string.Join(' ', activity.TagObjects)}");
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var delivery = Delivery(new Uri("http://127.0.0.1:1/"));

        Assert.Equal(DeliveryResult.Unavailable, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));
        Assert.Equal(DeliveryResult.Refused, await delivery.Send(new CodeMessage { Id = "a", Tenant = "demo", Channel = CodeChannel.Sms, Call = new("call-1"), Code = new Secret<byte>([1]), Language = "en", Expires = Codes.Expires }, Cancellation));

        using var metrics = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(metrics, Cancellation);
        var text = Encoding.UTF8.GetString(metrics.ToArray());
        Assert.Contains("ivr_codes_sent_total{provider=\"test\",result=\"unavailable\"}", text, StringComparison.Ordinal);
        Assert.All(new[] { Codes.Number, Codes.Code, Codes.Address, Key }, secret => Assert.DoesNotContain(secret, text + _lines.Text + Codes.Message(CodeChannel.Sms), StringComparison.Ordinal));
        // Others may listen to connections; a request, with its address, is none of their business.
        lock (traced) Assert.DoesNotContain(traced, text => text.Contains("http://127.0.0.1:1/", StringComparison.Ordinal) || text.Contains(Codes.Number, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_tenant_without_a_provider_for_the_channel_sends_nothing()
    {
        using var delivery = new CodeDelivery(new Dictionary<(string, CodeChannel), string>(), [], TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<CodeDelivery>.Instance);

        Assert.False(delivery.Serves("demo", CodeChannel.Sms));
        Assert.Equal(DeliveryResult.NotConfigured, await delivery.Send(Codes.Message(CodeChannel.Sms), Cancellation));
    }

    private CodeDelivery Delivery(Uri address, TimeProvider? time = null, int atOnce = 4, string? authority = null)
    {
        var provider = new WebhookProvider(address, new Secret<char>(Key.ToCharArray()), new ProviderTrust(authority), atOnce, time ?? TimeProvider.System);
        return Codes.Delivery(provider, time ?? TimeProvider.System, _lines, atOnce);
    }

    private static Task Status(Microsoft.AspNetCore.Http.HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    /// <summary>As a provider would check it, without a line of ours.</summary>
    private static bool IsSigned(WebhookServer.Received request)
    {
        var timestamp = request.Headers["X-Ivr-Timestamp"];
        var signed = Encoding.ASCII.GetBytes(timestamp).Append((byte)'.').Concat(request.Body).ToArray();
        var age = DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeSeconds(long.Parse(timestamp, CultureInfo.InvariantCulture));
        return age.Duration() < TimeSpan.FromMinutes(5) && request.Headers["X-Ivr-Signature"] == "v1=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), signed));
    }

    /// <summary>What docs/operations.md tells providers to do, run by Python.</summary>
    private static string Documented(WebhookServer.Received request)
    {
        var shown = Snippet().Match(File.ReadAllText(Path.Combine(ClusterFileTests.Root(), "docs", "operations.md"))).Groups["text"].Value;
        Assert.NotEmpty(shown);
        var start = new ProcessStartInfo("python3", ["-c", shown + "\nimport sys\nprint(is_genuine(sys.argv[1].encode(), sys.argv[2], sys.argv[3], sys.argv[4].encode()))", Key, request.Headers["X-Ivr-Timestamp"], request.Headers["X-Ivr-Signature"], Encoding.UTF8.GetString(request.Body)])
        {
            RedirectStandardOutput = true,
        };
        using var python = Process.Start(start)!;
        var output = python.StandardOutput.ReadToEnd();
        Assert.True(python.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, python.ExitCode);
        return output.Trim();
    }

    [GeneratedRegex("""```python\n(?<text>import hashlib.*?)```""", RegexOptions.Singleline)]
    private static partial Regex Snippet();
}
