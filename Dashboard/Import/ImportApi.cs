using System.Text;
using System.Text.Json;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.Net.Http.Headers;

namespace IvrActors.Dashboard.Import;

/// <summary>Imports that run in this process: each holds places among the PIN checks.</summary>
internal sealed class ImportPlaces : IDisposable
{
    private const int Most = 2;

    public SemaphoreSlim Free { get; } = new(Most);

    public void Dispose() => Free.Dispose();
}

/// <summary>
/// <c>POST /api/v1/callers:import</c>: a file of callers in, one line of JSON for each row out, both piece by piece (docs/operations.md, "Enrolment"). It takes an operator's session with its antiforgery
/// token; what the operator may is asked again while it runs.
/// </summary>
internal static class ImportApi
{
    public const string Path = "/api/v1/callers:import";

    private const string Lines = "application/x-ndjson";

    // So often a session is looked at again.
    private static readonly TimeSpan s_recheck = TimeSpan.FromMinutes(1);

    public static void MapImport(this IEndpointRouteBuilder routes) => routes.MapPost(Path, Import).WithMetadata(new DashboardHosting.StreamedBody());

    private static async Task Import(HttpContext http, ClusterAccess cluster, OperatorActs acts, ImportPlaces places, IAntiforgery antiforgery, TimeProvider time)
    {
        if (!PermissionFilter.Can(http.User, Permission.EnrolCallers))
        {
            await Refuse(http, StatusCodes.Status403Forbidden, "Not allowed", "Your role does not include enrolment.");
            return;
        }
        if (FormatOf(http.Request) is not { } format)
        {
            await Refuse(http, StatusCodes.Status415UnsupportedMediaType, "Not a file of callers", $"Send text/csv or {Lines} in UTF-8.");
            return;
        }
        // The token comes in a header: the body is no form.
        if (!http.Request.Headers.ContainsKey("RequestVerificationToken") || !await antiforgery.IsRequestValidAsync(http))
        {
            await Refuse(http, StatusCodes.Status400BadRequest, "No antiforgery token", "Send the token of a page of this session in the header RequestVerificationToken.");
            return;
        }
        if (!places.Free.Wait(0))
        {
            http.Response.Headers.RetryAfter = "60";
            await Refuse(http, StatusCodes.Status429TooManyRequests, "Other imports are running", "Try again when one of them has ended.");
            return;
        }
        try
        {
            var onlyNew = string.Equals(http.Request.Query["onlyNew"], "true", StringComparison.OrdinalIgnoreCase);
            await acts.Record(http.User.Identity!.Name!, "callers.import-begun", detail: onlyNew ? "only-new" : "");
            await Run(http, new CallerImport(cluster.For(http.User), time), format, onlyNew, acts, time);
        }
        finally
        {
            places.Free.Release();
        }
    }

    private static async Task Run(HttpContext http, CallerImport import, ImportFormat format, bool onlyNew, OperatorActs acts, TimeProvider time)
    {
        using var input = new StreamReader(http.Request.Body, Encoding.UTF8);
        http.Response.ContentType = Lines;
        var counts = new int[Enum.GetValues<ImportOutcome>().Length];
        var (lookedAt, stopped) = (time.GetUtcNow(), (ImportResult?)null);
        await foreach (var result in import.Run(new ImportFile(input, format), onlyNew, http.RequestAborted))
        {
            counts[(int)result.Outcome]++;
            if (result.Outcome == ImportOutcome.Stopped) stopped = result;
            else await Write(http, new { line = result.Line, result = NameOf(result.Outcome), error = result.Error });
            if (stopped is null && time.GetUtcNow() - lookedAt > s_recheck)
            {
                lookedAt = time.GetUtcNow();
                if (await Sessions.StillMay(http, Permission.EnrolCallers)) continue;
                stopped = new ImportResult { Line = result.Line + 1, Outcome = ImportOutcome.Stopped, Error = "the session has ended" };
            }
            if (stopped is not null) break;
        }
        await acts.Record(http.User.Identity!.Name!, "callers.imported", detail: $"enrolled={counts[0]} replaced={counts[1]} left={counts[2]} refused={counts[3]}{(stopped is null ? "" : " stopped")}");
        await Write(http, new { done = stopped is null, enrolled = counts[0], replaced = counts[1], left = counts[2], refused = counts[3], line = stopped?.Line, error = stopped?.Error });
    }

    private static async Task Write(HttpContext http, object line)
    {
        await http.Response.WriteAsync(JsonSerializer.Serialize(line, s_json) + "\n", http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    private static Task Refuse(HttpContext http, int status, string title, string detail) => Results.Problem(statusCode: status, title: title, detail: detail).ExecuteAsync(http);

    private static ImportFormat? FormatOf(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))) return null;
        return type.MediaType.Value?.ToLowerInvariant() switch
        {
            "text/csv" => ImportFormat.Csv,
            Lines => ImportFormat.JsonLines,
            _ => null,
        };
    }

    private static string NameOf(ImportOutcome outcome) => outcome switch
    {
        ImportOutcome.Enrolled => "enrolled",
        ImportOutcome.Replaced => "replaced",
        ImportOutcome.Left => "left",
        _ => "refused",
    };

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };
}
