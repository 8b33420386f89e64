using System.Globalization;
using System.Text.Json;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Dashboard.Live;

/// <summary>Server-sent events: the live table and the overview, as often as the cluster is asked.</summary>
internal static class Events
{
    // The browser comes back by itself; until then a session that idled out would go on listening.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);

    public static void MapEvents(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/events/calls", (HttpContext http, ClusterView view) => Stream(http, view, Permission.ViewCalls, Calls));
        routes.MapGet("/events/overview", (HttpContext http, ClusterView view) => Stream(http, view, Permission.ViewCalls, Overview));
    }

    private static async Task Stream(HttpContext http, ClusterView view, Permission permission, Func<Snapshot, object> shape)
    {
        if (!PermissionFilter.Can(http.User, permission))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }
        http.Response.ContentType = "text/event-stream";
        using var life = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        life.CancelAfter(s_longest);
        try
        {
            await http.Response.WriteAsync("retry: 1000\n\n", life.Token);
            for (var snapshot = await view.After(0, life.Token); await Sessions.StillMay(http, permission); snapshot = await view.After(snapshot.Version, life.Token))
            {
                await http.Response.WriteAsync($"data: {JsonSerializer.Serialize(shape(snapshot), JsonSerializerOptions.Web)}\n\n", life.Token);
                await http.Response.Body.FlushAsync(life.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The viewer left, the minute is over, or the process stops: all of them end the stream.
        }
    }

    internal static object Calls(Snapshot now) => new
    {
        stale = now.IsStale,
        active = now.ActiveCalls,
        calls = now.Calls.Select(call => new
        {
            id = call.Call.Value,
            tenant = call.Tenant,
            trunk = call.Trunk,
            flow = call.Flow,
            step = call.Step,
            since = call.Since.ToUnixTimeSeconds(),
            age = CallText.Age(now.At - call.Since),
            codec = call.Codec,
            transport = call.Transport,
            srtp = call.Srtp,
            loss = CallText.Loss(call),
            jitter = CallText.Jitter(call),
            roundTrip = CallText.RoundTrip(call),
            mos = CallText.Mos(call),
            poor = CallText.IsPoor(call),
        }),
    };

    internal static object Overview(Snapshot now)
    {
        var text = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["active"] = Number(now.ActiveCalls),
            ["per-minute"] = Number(now.Activity.CallsPerMinute),
            ["verified"] = Number(now.Activity.Verified),
            ["refused"] = Number(now.Activity.Refused),
            ["lockouts"] = Number(now.Lockouts.Count),
        };
        return new { stale = now.IsStale, text, paths = Paths(now), edges = now.Edges.Select(edge => new { name = edge.Name, calls = Number(edge.ActiveCalls), silent = edge.IsSilent, age = CallText.Age(now.At - edge.At) }) };
    }

    internal static Dictionary<string, string> Paths(Snapshot now)
    {
        var minutes = now.Activity.ByMinute;
        List<int> verified = [.. minutes.Select(minute => minute.Verified)];
        return new(StringComparer.Ordinal)
        {
            ["active-line"] = Charts.Line(now.ActiveHistory, 120),
            ["active-area"] = Charts.Area(now.ActiveHistory, 120),
            ["admitted"] = Charts.Bars([.. minutes.Select(minute => minute.Admitted)]),
            ["verified"] = Charts.Bars(verified, [.. minutes.Select(minute => minute.Refused)]),
            ["refused"] = Charts.Bars([.. minutes.Select(minute => minute.Refused)], null, verified),
        };
    }

    internal static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>How a call's figures are written.</summary>
internal static class CallText
{
    // ITU-T G.109: below, some users are dissatisfied.
    private const double PoorMos = 3.6;

    // ITU-T G.113: with G.711 without concealment a listener hears about 2 % loss; 50 ms jitter exceeds a common buffer.
    private const double PoorLoss = 0.02;
    private const double PoorJitterMs = 50;

    public static string Age(TimeSpan age) => age < TimeSpan.Zero ? "0:00"
        : age < TimeSpan.FromHours(1) ? age.ToString(@"m\:ss", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalHours}:{age.Minutes:00}:{age.Seconds:00}");

    /// <summary>Ours, then the peer's.</summary>
    public static string Loss(CallSummary call) => $"{Number(call.Loss * 100, "0.0")} / {Number(call.Quality?.PeerLoss * 100, "0.0")} %";

    public static string Jitter(CallSummary call) => $"{Number(call.JitterMs, "0.0")} / {Number(call.Quality?.PeerJitterMs, "0.0")} ms";

    public static string RoundTrip(CallSummary call) => call.Quality?.RoundTripMs is { } ms ? Number(ms, "0") + " ms" : Unknown;

    public static string Mos(CallSummary call) => Number(call.Quality?.Mos, "0.00");

    public static bool IsPoor(CallSummary call) =>
        Math.Max(call.Loss, call.Quality?.PeerLoss ?? 0) >= PoorLoss || Math.Max(call.JitterMs, call.Quality?.PeerJitterMs ?? 0) >= PoorJitterMs || call.Quality?.Mos < PoorMos;

    private const string Unknown = "–";

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? Unknown;
}
