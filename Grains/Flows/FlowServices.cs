using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace IvrActors.Grains.Flows;

public static class FlowServices
{
    /// <summary>What call and flow grains need besides the services that every grain shares. May be called more than once.</summary>
    public static IServiceCollection AddFlows(this IServiceCollection services)
    {
        services.TryAddSingleton<FlowLibrary>();
        return services;
    }
}
