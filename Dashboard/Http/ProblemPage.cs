using System.Text.Encodings.Web;

namespace IvrActors.Dashboard.Http;

/// <summary>The page behind a status that is no success. Written by hand, so that it also works when the page engine or the cluster does not.</summary>
internal static class ProblemPage
{
    /// <summary>Programs get application/problem+json (RFC 9457).</summary>
    public static bool IsForPrograms(HttpRequest request) => request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase);

    public static Task Write(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        if (http.Request.Path.StartsWithSegments("/events", StringComparison.OrdinalIgnoreCase)) return Task.CompletedTask;
        var (title, text) = status switch
        {
            StatusCodes.Status400BadRequest => ("That form is out of date", "Open the page again and repeat what you did."),
            StatusCodes.Status401Unauthorized => ("Not signed in", "Sign in and repeat it."),
            StatusCodes.Status403Forbidden => ("Not allowed", "Your role does not include this. An administrator can change your role."),
            StatusCodes.Status404NotFound => ("Nothing here", "There is no page at this address."),
            StatusCodes.Status429TooManyRequests => ("Too many attempts", "Wait a minute and try again."),
            StatusCodes.Status503ServiceUnavailable => ("The cluster does not answer", "Nothing was changed. Try again in a moment."),
            _ => ("That did not work", "Nothing was changed as far as we know. Try again in a moment."),
        };
        if (IsForPrograms(http.Request)) return Results.Problem(statusCode: status, title: title, detail: text).ExecuteAsync(http);
        http.Response.ContentType = "text/html; charset=utf-8";
        var encode = HtmlEncoder.Default;
        return http.Response.WriteAsync($"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{encode.Encode(title)} · IvrActors</title><script src="/assets/theme.js"></script>
            <link rel="stylesheet" href="/assets/app.css"><link rel="icon" href="/assets/icon.svg"></head>
            <body class="gate"><main class="card narrow"><p class="eyebrow">{status}</p><h1>{encode.Encode(title)}</h1><p>{encode.Encode(text)}</p>
            <p><a class="button" href="/">Overview</a></p></main></body></html>
            """);
    }
}
