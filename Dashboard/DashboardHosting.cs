using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Devices;
using IvrActors.Dashboard.Http;
using IvrActors.Dashboard.Import;
using IvrActors.Dashboard.Live;
using IvrActors.Dashboard.Operators;
using IvrActors.Dashboard.Recordings;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace IvrActors.Dashboard;

/// <summary>What the composition root calls.</summary>
public static class DashboardHosting
{
    private const string SessionCookie = "__Host-ivr-session";
    private const string EnrolmentCookie = "__Host-ivr-enrolment";
    private const string AntiforgeryCookie = "__Host-ivr-antiforgery";

    // The largest form is a few short fields; a page that reads megabytes for them is a way in for a flood.
    private const long LargestForm = 32 * 1024;

    /// <summary>Adds the operators' pages. Needs <c>IGrainFactory</c>, <c>IRoleTokens</c> and <c>IPhonePasses</c> from the container.</summary>
    public static IServiceCollection AddDashboard(this IServiceCollection services, DashboardOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddHttpContextAccessor();
        services.AddSingleton<ClusterAccess>();
        services.AddSingleton<ClusterView>();
        services.AddSingleton<OpenedRecordings>();
        services.AddSingleton<ImportPlaces>();
        services.AddSingleton<DeviceLimiter>();
        services.TryAddSingleton<IRecordingFiles, NoRecordingFiles>();
        services.AddHostedService(provider => provider.GetRequiredService<ClusterView>());
        AddOperators(services, options);
        AddSessions(services);
        services.AddAntiforgery(antiforgery => Harden(antiforgery.Cookie, AntiforgeryCookie));
        services.AddAuthorization(authorization => authorization.FallbackPolicy = Fallback(options));
        services.AddRazorPages(pages => pages.Conventions.ConfigureFilter(new PermissionFilter())).ConfigureApplicationPartManager(AddPages);
        return services;
    }

    /// <summary>Maps the pages. They answer on <see cref="DashboardOptions.Port"/> only, and that port answers nothing else.</summary>
    public static void MapDashboard(this WebApplication app)
    {
        var port = app.Services.GetRequiredService<DashboardOptions>().Port;
        app.Use((http, next) => Guard(http, next, port));
        var pages = app.MapGroup("");
        pages.MapRazorPages().RequireAuthorization().WithMetadata(new OwnPort());
        pages.MapAssets().AllowAnonymous().WithMetadata(new OwnPort());
        pages.MapGroup("").RequireAuthorization().WithMetadata(new OwnPort()).MapEvents();
        pages.MapGroup("").RequireAuthorization().WithMetadata(new OwnPort()).MapImport();
        pages.MapGroup("").AllowAnonymous().WithMetadata(new OwnPort()).MapDevicePages();
        app.UseAuthentication();
        app.UseAuthorization();
    }

    /// <summary>Keeps the ports apart, sets the headers, and turns what went wrong into a page. Not the Host header but the socket says which port it is.</summary>
    private static async Task Guard(HttpContext http, RequestDelegate next, int port)
    {
        var isOwnEndpoint = http.GetEndpoint()?.Metadata.GetMetadata<OwnPort>() is not null;
        if (http.Connection.LocalPort != port)
        {
            if (isOwnEndpoint) http.Response.StatusCode = StatusCodes.Status404NotFound;
            else await next(http);
            return;
        }
        SecurityHeaders.Set(http.Response.Headers);
        if (!isOwnEndpoint && http.GetEndpoint() is not null)
        {
            await ProblemPage.Write(http, StatusCodes.Status404NotFound);
            return;
        }
        if (http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = http.GetEndpoint()?.Metadata.GetMetadata<StreamedBody>() is null ? LargestForm : null;
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null }) await ProblemPage.Write(http, http.Response.StatusCode);
        }
        catch (UnauthorizedAccessException) when (!http.Response.HasStarted)
        {
            // The grain refused what the page let through.
            await Fail(http, StatusCodes.Status403Forbidden);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException && !http.Response.HasStarted)
        {
            await Fail(http, StatusCodes.Status503ServiceUnavailable);
        }
        catch (Exception failure) when (failure is not OperationCanceledException && !http.Response.HasStarted)
        {
            http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("IvrActors.Dashboard").LogError(failure, "A page failed.");
            await Fail(http, StatusCodes.Status500InternalServerError);
        }
    }

    private static Task Fail(HttpContext http, int status)
    {
        http.Response.Clear();
        SecurityHeaders.Set(http.Response.Headers);
        return ProblemPage.Write(http, status);
    }

    private static void AddOperators(IServiceCollection services, DashboardOptions options)
    {
        services.AddIdentityCore<OperatorUser>(identity =>
        {
            // PCI DSS 4.0.1: 8.3.6 and 8.3.4. Length instead of character classes: SP 800-63B-4 3.1.1.2.
            identity.Password.RequiredLength = 12;
            identity.Password.RequireDigit = identity.Password.RequireLowercase = identity.Password.RequireUppercase = identity.Password.RequireNonAlphanumeric = false;
            identity.Lockout.MaxFailedAccessAttempts = 10;
            identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(30);
        }).AddUserStore<OperatorStore>().AddPasswordValidator<PasswordRule>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = options.PasswordHashIterations);
        services.AddSingleton<IPasswordHasher<OperatorUser>, PasswordHasher<OperatorUser>>();
        services.AddSingleton<Decoy>();
        services.AddSingleton<SignInLimiter>();
        services.AddSingleton<EnrolmentStore>();
        services.AddSingleton<LiveSessions>();
        services.AddSingleton<OperatorActs>();
        services.AddScoped<Credentials>();
        services.AddScoped<Sessions>();
        services.AddScoped<SignInDesk>();
    }

    private static void AddSessions(IServiceCollection services)
    {
        services.AddAuthentication(Sessions.Scheme)
            .AddCookie(Sessions.Scheme, cookie =>
            {
                Harden(cookie.Cookie, SessionCookie);
                cookie.ExpireTimeSpan = Sessions.Idle;
                cookie.SlidingExpiration = true;
                cookie.LoginPath = "/signin";
                cookie.Events.OnValidatePrincipal = Sessions.Validate;
                cookie.Events.OnCheckSlidingExpiration = Sessions.CheckRenewal;
                cookie.Events.OnRedirectToLogin = context =>
                {
                    if (ProblemPage.IsForPrograms(context.Request) || context.Request.Path.StartsWithSegments("/events", StringComparison.OrdinalIgnoreCase)) context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                    else context.Response.Redirect(context.RedirectUri);
                    return Task.CompletedTask;
                };
                cookie.Events.OnRedirectToAccessDenied = context => ProblemPage.Write(context.HttpContext, StatusCodes.Status403Forbidden);
            })
            .AddCookie(Enrolment.Scheme, cookie =>
            {
                Harden(cookie.Cookie, EnrolmentCookie);
                cookie.ExpireTimeSpan = Enrolment.Longest;
                cookie.SlidingExpiration = false;
            });
        services.AddOptions<CookieAuthenticationOptions>(Enrolment.Scheme).Configure<EnrolmentStore>((cookie, store) => cookie.SessionStore = store);
    }

    private static void Harden(CookieBuilder cookie, string name)
    {
        cookie.Name = name;
        cookie.Path = "/";
        cookie.HttpOnly = true;
        cookie.SecurePolicy = CookieSecurePolicy.Always;
        cookie.SameSite = SameSiteMode.Strict;
        cookie.IsEssential = true;
    }

    // Deny by default on our port; what the process serves on other ports (metrics, health) is not ours to guard.
    private static AuthorizationPolicy Fallback(DashboardOptions options) => new AuthorizationPolicyBuilder()
        .RequireAssertion(context => context.User.Identity?.IsAuthenticated == true || context.Resource is HttpContext http && http.Connection.LocalPort != options.Port)
        .Build();

    // The assembly that hosts us may or may not have found the pages by itself.
    private static void AddPages(ApplicationPartManager manager)
    {
        var assembly = typeof(DashboardHosting).Assembly;
        if (manager.ApplicationParts.OfType<CompiledRazorAssemblyPart>().Any(part => part.Assembly == assembly)) return;
        foreach (var part in ApplicationPartFactory.GetApplicationPartFactory(assembly).GetApplicationParts(assembly)) manager.ApplicationParts.Add(part);
    }

    /// <summary>Marks an endpoint as the dashboard's.</summary>
    internal sealed class OwnPort;

    /// <summary>Marks an endpoint that reads its body piece by piece and bounds the pieces itself.</summary>
    internal sealed class StreamedBody;
}
