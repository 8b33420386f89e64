using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Delivery;

/// <summary>Makes the providers that <c>cluster.yaml</c> describes.</summary>
internal static class DeliveryServices
{
    /// <exception cref="MissingSecretException">A secret of a provider is not there.</exception>
    public static Func<ILogger<CodeDelivery>, CodeDelivery> Create(ClusterFile cluster, TimeProvider time)
    {
        var slots = cluster.Delivery.Providers.Select(provider => SlotOf(provider, time)).ToList();
        return logger => new CodeDelivery(RoutesOf(cluster), slots, time, logger);
    }

    /// <summary>Reads what the start would read, and keeps none of it.</summary>
    /// <exception cref="MissingSecretException">A secret of a provider is not there.</exception>
    public static void Check(DeliverySettings settings)
    {
        foreach (var provider in settings.Providers)
        {
            provider.Secret?.Read().Dispose();
            _ = TrustOf(provider);
        }
    }

    private static Dictionary<(string, CodeChannel), string> RoutesOf(ClusterFile cluster)
    {
        var routes = new Dictionary<(string, CodeChannel), string>();
        foreach (var tenant in cluster.Tenants)
        {
            foreach (var (channel, provider) in cluster.Delivery.Channels) routes[(tenant.Name, channel)] = provider;
            foreach (var (channel, provider) in tenant.Delivery) routes[(tenant.Name, channel)] = provider;
        }
        return routes;
    }

    private static ProviderSlot SlotOf(ProviderSettings settings, TimeProvider time)
    {
        var (provider, longest) = settings.Kind switch
        {
            DeliveryKind.Webhook => ((ICodeProvider)new WebhookProvider(settings.Address!, settings.Secret!.Read(), TrustOf(settings), settings.AtOnce, time), WebhookProvider.Longest),
            DeliveryKind.Smtp => (new SmtpProvider(settings, settings.Secret?.Read(), TrustOf(settings)), SmtpProvider.Longest),
            _ => (new SinkProvider(settings.File), SinkProvider.Longest),
        };
        return new ProviderSlot(settings.Name, provider, settings.AtOnce, longest);
    }

    private static ProviderTrust TrustOf(ProviderSettings settings)
    {
        try
        {
            return new ProviderTrust(settings.AuthorityFile);
        }
        catch (Exception e) when (e is System.Security.Cryptography.CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new MissingSecretException($"The authorities of the delivery provider {settings.Name} cannot be read from file '{settings.AuthorityFile}'.");
        }
    }
}
