using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Dashboard.Tests.Import;

public sealed partial class ImportApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_file_streams_in_and_its_results_stream_out_row_by_row()
    {
        await using var server = await DashboardServer.Start();
        using var visitor = await new Visitor(server).Join("ada", Roles.Administrator);
        // The second row is sent only when the result of the first one has come, past what a form may have.
        var firstResult = new TaskCompletionSource();
        using var body = new Body(async stream =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes("tenant,account,pin\ndemo,11111111,480237\n" + new string('\n', 100_000) + "demo,22222222,480237\n"), Cancellation);
            await stream.FlushAsync(Cancellation);
            await firstResult.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
            await stream.WriteAsync(Encoding.UTF8.GetBytes("demo,33333333,48\n"), Cancellation);
        });

        using var request = await Request(visitor, body, "text/csv");
        // This client reads no answer of HTTP/1.1 before it has sent everything.
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        using var answer = await visitor.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal((HttpStatusCode.OK, "application/x-ndjson"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancellation));
        Assert.Equal("""{"line":2,"result":"enrolled"}""", await lines.ReadLineAsync(Cancellation));
        firstResult.SetResult();
        Assert.Equal("""{"line":100003,"result":"enrolled"}""", await lines.ReadLineAsync(Cancellation));
        Assert.Equal("""{"line":100004,"result":"refused","error":"a PIN has 4 to 8 digits"}""", await lines.ReadLineAsync(Cancellation));
        Assert.Equal("""{"done":true,"enrolled":2,"replaced":0,"left":0,"refused":1}""", await lines.ReadLineAsync(Cancellation));
        Assert.Null(await lines.ReadLineAsync(Cancellation));

        Assert.Contains(server.Cluster.Calls, call => call is { Method: "Enrol", Name: "ada", Role: Roles.Administrator });
        Assert.Equal("ada", Assert.Single(server.Cluster.Acts("callers.import-begun")).Actor);
        Assert.Equal("enrolled=2 replaced=0 left=0 refused=1", Assert.Single(server.Cluster.Acts("callers.imported")).Detail);
    }

    [Fact]
    public async Task Lines_of_JSON_are_taken_too_and_known_callers_left_alone_on_demand()
    {
        await using var server = await DashboardServer.Start();
        using var visitor = await new Visitor(server).Join("ada", Roles.Administrator);
        var text = """{"tenant":"demo","account":"11111111","pin":"480237"}""";

        Assert.Contains("\"enrolled\":1,", await Send(visitor, text), StringComparison.Ordinal);
        Assert.Contains("\"result\":\"replaced\"", await Send(visitor, text), StringComparison.Ordinal);
        Assert.Contains("\"result\":\"left\"", await Send(visitor, text, "?onlyNew=true"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Roles.Operator, true, "text/csv", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Administrator, false, "text/csv", HttpStatusCode.BadRequest)]
    [InlineData(Roles.Administrator, true, "application/json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData(Roles.Administrator, true, "text/csv; charset=iso-8859-1", HttpStatusCode.UnsupportedMediaType)]
    [InlineData(Roles.Administrator, true, "application/x-www-form-urlencoded", HttpStatusCode.UnsupportedMediaType)]
    [InlineData(null, false, "text/csv", HttpStatusCode.Unauthorized)]
    public async Task Who_may_not_or_sends_something_else_is_told_by_a_problem_and_nobody_is_enrolled(string? role, bool token, string type, HttpStatusCode expected)
    {
        await using var server = await DashboardServer.Start();
        using var visitor = new Visitor(server);
        if (role is not null) await visitor.Join("ada", role);
        using var request = await Request(visitor, new StringContent("tenant,account,pin\ndemo,11111111,480237\n"), type, token: token);

        using var answer = await visitor.Http.SendAsync(request, Cancellation);

        Assert.Equal((expected, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        using var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal((int)expected, problem.RootElement.GetProperty("status").GetInt32());
        Assert.Empty(server.Cluster.Callers);
    }

    [Fact]
    public async Task A_session_that_ends_meanwhile_stops_the_import_at_a_line()
    {
        await using var server = await DashboardServer.Start();
        using var visitor = await new Visitor(server).Join("ada", Roles.Administrator);
        server.Cluster.BeforeEnrolment = _ =>
        {
            server.Cluster.Operators.Clear();
            server.Time.Advance(TimeSpan.FromSeconds(61));
            return Task.FromResult<Grains.Interfaces.Callers.EnrolmentResult?>(null);
        };

        var lines = (await Send(visitor, string.Concat(Enumerable.Range(0, 9).Select(i => $"{{\"tenant\":\"demo\",\"account\":\"{i}\",\"pin\":\"480237\"}}\n")))).TrimEnd().Split('\n');

        Assert.Equal(["{\"line\":1,\"result\":\"enrolled\"}", "{\"done\":false,\"enrolled\":1,\"replaced\":0,\"left\":0,\"refused\":0,\"line\":2,\"error\":\"the session has ended\"}"], lines);
        Assert.InRange(server.Cluster.Callers.Count, 1, 5);
    }

    [Fact]
    public async Task Only_so_many_run_at_once()
    {
        await using var server = await DashboardServer.Start();
        using var visitor = await new Visitor(server).Join("ada", Roles.Administrator);
        var places = server.Get<ImportPlaces>();
        Assert.True(places.Free.Wait(0) && places.Free.Wait(0));

        using var answer = await visitor.Http.SendAsync(await Request(visitor, new StringContent(""), "text/csv"), Cancellation);

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        places.Free.Release();
        Assert.Contains("\"done\":true", await Send(visitor, ""), StringComparison.Ordinal);
    }

    private static async Task<string> Send(Visitor visitor, string text, string query = "")
    {
        using var request = await Request(visitor, new StringContent(text), "application/x-ndjson", query);
        using var answer = await visitor.Http.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Cancellation);
    }

    private static async Task<HttpRequestMessage> Request(Visitor visitor, HttpContent content, string type, string query = "", bool token = true)
    {
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        var request = new HttpRequestMessage(HttpMethod.Post, ImportApi.Path + query) { Content = content };
        if (token) request.Headers.Add("RequestVerificationToken", Token().Match(await visitor.Read("/account")).Groups[1].Value);
        return request;
    }

    private sealed class Body(Func<Stream, Task> write) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    [GeneratedRegex("""name="__RequestVerificationToken" type="hidden" value="([^"]+)""")]
    private static partial Regex Token();
}
