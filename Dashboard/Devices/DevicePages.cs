using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Devices;

/// <summary>
/// What the callers' own pages <c>/device</c> and <c>/approve</c> ask. No cookie and no operator's right is behind it: each request carries a secret of its page, which names the caller's grain, and that grain decides.
/// </summary>
internal static class DevicePages
{
    private const int MostSecret = 200;
    private const int MostText = 16 * 1024;

    public static void MapDevicePages(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/device/begin", async (HttpContext http, ClusterAccess cluster, DeviceLimiter limiter, [FromBody] PageRequest request) =>
            await Ask(http, limiter, request, key => cluster.Devices.Call<ICallerGrain, string?>(key, caller => caller.BeginDevice(new PageSecret(request.Secret!)))) is { } options
                ? Results.Text(options, "application/json") : Nothing());
        routes.MapPost("/device/finish", async (HttpContext http, ClusterAccess cluster, DeviceLimiter limiter, [FromBody] PageRequest request) =>
            await Ask(http, limiter, request, key => cluster.Devices.Call<ICallerGrain, PageSecret?>(key, caller => caller.RegisterDevice(new DeviceRegistration
            {
                Link = new PageSecret(request.Secret!),
                Response = new PersonalText(request.Response ?? ""),
                Name = new PersonalText(request.Name ?? ""),
            }))) is { } page ? Results.Json(new { page = page.Reveal() }) : Nothing());
        routes.MapPost("/approve/look", async (HttpContext http, ClusterAccess cluster, DeviceLimiter limiter, [FromBody] PageRequest request) =>
            await Ask(http, limiter, request, key => cluster.Devices.Call<ICallerGrain, ApprovalQuestion?>(key, caller => caller.LookForCall(new PageSecret(request.Secret!)))) is { } question
                ? Results.Json(new { at = question.At, expires = question.Expires, tenant = question.Tenant, options = question.Options }) : Results.NoContent());
        routes.MapPost("/approve/answer", async (HttpContext http, ClusterAccess cluster, DeviceLimiter limiter, [FromBody] PageRequest request) =>
            await Ask(http, limiter, request, key => cluster.Devices.Call<ICallerGrain, PageSecret?>(key, caller => caller.AnswerForCall(new ApprovalAnswer
            {
                Page = new PageSecret(request.Secret!),
                Response = request.Response is null ? null : new PersonalText(request.Response),
            }))) is { } number ? Results.Json(new { number = number.Reveal() }) : Nothing());
    }

    /// <summary>Nothing is asked of a grain for what cannot be the name of one.</summary>
    private static async Task<T?> Ask<T>(HttpContext http, DeviceLimiter limiter, PageRequest request, Func<string, Task<T?>> ask) where T : class
    {
        if (!limiter.TryTake(http) || request.Response is { Length: > MostText } || request.Secret is not { Length: <= MostSecret } secret) return null;
        var dot = secret.IndexOf('.', StringComparison.Ordinal);
        return dot > 2 && secret.StartsWith("u:", StringComparison.Ordinal) && secret.AsSpan(2, dot - 2).IndexOfAnyExcept(s_keyCharacters) < 0 ? await ask(secret[..dot]) : null;
    }

    private static readonly System.Buffers.SearchValues<char> s_keyCharacters = System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private static IResult Nothing() => Results.StatusCode(StatusCodes.Status404NotFound);

    /// <summary>What a page sends. A class, so that nothing prints it.</summary>
    internal sealed class PageRequest
    {
        public string? Secret { get; init; }
        public string? Response { get; init; }
        public string? Name { get; init; }
    }
}
