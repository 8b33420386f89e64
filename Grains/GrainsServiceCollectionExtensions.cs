using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace IvrActors.Grains;

/// <summary>What grains are given besides the cluster's own services.</summary>
public static class GrainsServiceCollectionExtensions
{
    /// <summary>
    /// Adds what grains inject. The composition root adds <c>IClusterKeys</c>, <c>IAuditStore</c>, <c>IPromptCatalogue</c> and the grain storage <c>encrypted</c>; time is
    /// <see cref="TimeProvider.System"/> unless it gives another.
    /// </summary>
    public static IServiceCollection AddGrains(this IServiceCollection services, ClusterPolicy policy)
    {
        services.AddSingleton(policy);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<LockoutClock>();
        services.AddSingleton<LocalCalls>();
        services.AddCallers();
        services.AddFlows();
        services.AddSingleton<RiskPicture>();
        services.AddSingleton<RiskDesk>();
        return services;
    }

    private static void AddCallers(this IServiceCollection services)
    {
        services.TryAddSingleton<PinHasher>();
        services.AddSingleton<PinPool>();
        services.AddSingleton<PinFactor>();
        services.AddSingleton<IFactor>(s => s.GetRequiredService<PinFactor>());
        services.AddSingleton<IFactor, TotpFactor>();
        services.AddSingleton<IFactor, HotpFactor>();
        services.AddSingleton<IFactor, SentCodeFactor>();
        services.AddSingleton<IFactor, AttestationFactor>();
        services.AddSingleton<IFactor, CallBackFactor>();
        services.AddSingleton<RecoveryCodeFactor>();
        services.AddSingleton<IFactor>(s => s.GetRequiredService<RecoveryCodeFactor>());
        services.AddSingleton<IFactor, DeviceFactor>();
        services.AddSingleton<Passkeys>();
        services.AddSingleton<FactorSet>();
        services.AddSingleton<PinChanges>();
        services.AddSingleton<Enrolments>();
        services.TryAddSingleton<ICodeDelivery, NoCodeDelivery>();
    }
}
