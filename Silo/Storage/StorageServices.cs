using IvrActors.Silo.Cluster;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;

namespace IvrActors.Silo.Storage;

/// <summary>Registers the storage named <see cref="Name"/>.</summary>
internal static class StorageServices
{
    public const string Name = "encrypted";

    /// <param name="relaxedStates">States that die with their call.</param>
    /// <param name="removableStates">Durable states that leave nothing behind when their grain clears them.</param>
    public static IServiceCollection AddEncryptedStorage(this IServiceCollection services, IDatabase database, IReadOnlySet<string> relaxedStates, IReadOnlySet<string>? removableStates = null) =>
        services.AddGrainStorage(Name, (provider, _) => new EncryptedGrainStorage(
            database.States, relaxedStates, provider.GetRequiredService<KeyRing>().States, provider.GetRequiredService<Serializer>(), provider.GetRequiredService<IActivatorProvider>(),
            provider.GetRequiredService<ILogger<EncryptedGrainStorage>>(),
            removableStates, provider.GetService<TimeProvider>()));

    /// <summary>Keeps the key ring and what is under its keys up to date: <see cref="KeyUpkeep"/>.</summary>
    public static IServiceCollection AddKeyUpkeep(this IServiceCollection services, ClusterVault vault, ClusterFile cluster) =>
        services.AddSingleton(cluster.Keys).AddSingleton(vault.Reencryption(cluster, TimeProvider.System)).AddHostedService<KeyUpkeep>();
}
