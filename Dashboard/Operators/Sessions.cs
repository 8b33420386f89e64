using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;

namespace IvrActors.Dashboard.Operators;

/// <summary>
/// The sessions that were opened in this process and not closed: signing out ends a session wherever its cookie was copied to, and a
/// restart signs everybody out. Names are 256 random bits, made anew at every sign-in.
/// </summary>
internal sealed class LiveSessions(TimeProvider time)
{
    private const int NameBytes = 32;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ends = new(StringComparer.Ordinal);

    public string Open(DateTimeOffset ends)
    {
        foreach (var (old, end) in _ends)
        {
            if (end <= time.GetUtcNow()) _ends.TryRemove(old, out _);
        }
        var name = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(NameBytes));
        _ends[name] = ends;
        return name;
    }

    public bool IsOpen(string? name) => name is not null && _ends.TryGetValue(name, out var end) && end > time.GetUtcNow();

    public void Close(string? name)
    {
        if (name is not null) _ends.TryRemove(name, out _);
    }
}

/// <summary>What a session is: who, since when, and whether it still counts.</summary>
internal sealed class Sessions(UserManager<OperatorUser> users, LiveSessions live, TimeProvider time)
{
    public const string Scheme = "session";
    public static readonly TimeSpan Idle = TimeSpan.FromMinutes(15);

    // A working day: after it the factors are asked for again, however busy the session was.
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(12);
    private static readonly TimeSpan s_renewAfter = TimeSpan.FromMinutes(1);
    private const string StampClaim = "stamp";
    private const string SessionClaim = "session";

    /// <summary>Opens a session under a new name and closes the one that <paramref name="before"/> had.</summary>
    public ClaimsPrincipal Start(OperatorUser user, ClaimsPrincipal before)
    {
        Close(before);
        return Principal(user, live.Open(time.GetUtcNow() + s_longest));
    }

    public void Close(ClaimsPrincipal person) => live.Close(person.FindFirstValue(SessionClaim));

    /// <summary>The person as of now, with the role that the record has now; null when the session no longer counts.</summary>
    public async Task<ClaimsPrincipal?> Refresh(ClaimsPrincipal? session)
    {
        var opened = session?.FindFirstValue(SessionClaim);
        if (session?.Identity?.Name is not { } name || !live.IsOpen(opened)) return null;
        var user = await users.FindByNameAsync(name);
        var current = user is { TwoFactorEnabled: true, SecurityStamp: not null } && user.SecurityStamp == session.FindFirstValue(StampClaim);
        return current ? Principal(user!, opened!) : null;
    }

    public static async Task Validate(CookieValidatePrincipalContext context)
    {
        var sessions = context.HttpContext.RequestServices.GetRequiredService<Sessions>();
        if (await sessions.Refresh(context.Principal) is { } person)
        {
            context.ReplacePrincipal(person);
            return;
        }
        context.RejectPrincipal();
        await context.HttpContext.SignOutAsync(Scheme);
    }

    /// <summary>For what goes on after its request began: a deleted or demoted person, or one whose session was signed out, may no longer.</summary>
    public static async Task<bool> StillMay(HttpContext http, Permission permission)
    {
        await using var scope = http.RequestServices.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<Sessions>().Refresh(http.User) is { } person && PermissionFilter.Can(person, permission);
    }

    /// <summary>Only what a person does keeps a session alive: a page that listens for news by itself does not.</summary>
    public static Task CheckRenewal(CookieSlidingExpirationContext context)
    {
        context.ShouldRenew = context.ElapsedTime > s_renewAfter && !context.HttpContext.Request.Path.StartsWithSegments("/events", StringComparison.OrdinalIgnoreCase);
        return Task.CompletedTask;
    }

    private static ClaimsPrincipal Principal(OperatorUser user, string opened) => new(new ClaimsIdentity(
        [
            new(ClaimTypes.Name, user.UserName),
            new(ClaimTypes.Role, user.Role),
            new(StampClaim, user.SecurityStamp ?? ""),
            new(SessionClaim, opened),
        ],
        Scheme));
}
