using System.Reflection;
using System.Security.Claims;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;

namespace IvrActors.Dashboard.Access;

/// <summary>The permission that a page, or a handler of it, asks of the signed-in person: the same table that the grains check.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class NeedsAttribute(Permission permission) : Attribute
{
    public Permission Permission { get; } = permission;
}

/// <summary>Every signed-in person may: it touches nothing but their own session and factors.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class OwnAccountAttribute : Attribute;

/// <summary>Deny by default: a page without a statement of who may see it, and a changing handler without one of its own, is refused.</summary>
internal sealed class PermissionFilter : IAsyncPageFilter
{
    public Task OnPageHandlerSelectionAsync(PageHandlerSelectedContext context) => Task.CompletedTask;

    public Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (Allows(context.HandlerInstance.GetType(), context.HandlerMethod?.MethodInfo, context.HttpContext.User)) return next();
        context.Result = new ForbidResult();
        return Task.CompletedTask;
    }

    internal static bool Allows(Type page, MethodInfo? handler, ClaimsPrincipal person)
    {
        if (page.IsDefined(typeof(AllowAnonymousAttribute))) return true;
        if (!Allows(page, person)) return false;
        var reads = handler is null || handler.Name.StartsWith("OnGet", StringComparison.Ordinal);
        return reads || Allows(handler!, person);
    }

    private static bool Allows(MemberInfo stated, ClaimsPrincipal person) =>
        stated.GetCustomAttribute<NeedsAttribute>() is { } needs ? Can(person, needs.Permission) : stated.IsDefined(typeof(OwnAccountAttribute));

    public static bool Can(ClaimsPrincipal person, Permission permission) =>
        person.FindFirstValue(ClaimTypes.Role) is { } role && Roles.Allows(role, permission);
}
