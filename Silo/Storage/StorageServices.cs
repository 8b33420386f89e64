using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace IvrActors.Silo.Storage;

/// <summary>Registers the storage named <see cref="Name"/>, over two inner AdoNet providers on one SQLite file.</summary>
internal static class StorageServices
{
    public const string Name = "encrypted";
    private const string Durable = Name + "-durable";
    private const string Relaxed = Name + "-relaxed";

    // The invariant that makes the provider load Microsoft.Data.Sqlite; the other spelling loads nothing.
    private const string SqliteInvariant = "System.Data.SQLite";

    /// <param name="relaxedStates">States that die with their call; see <see cref="SqliteDatabase.Relaxed"/>.</param>
    public static IServiceCollection AddEncryptedStorage(this IServiceCollection services, SqliteDatabase database, IReadOnlySet<string> relaxedStates)
    {
        Configure(services, Durable, database.Durable, deleteOnClear: false);
        Configure(services, Relaxed, database.Relaxed, deleteOnClear: true);
        services.AddSingleton<IPostConfigureOptions<AdoNetGrainStorageOptions>, DefaultAdoNetGrainStorageOptionsHashPickerConfigurator>();
        services.AddKeyedSingleton(Durable, (provider, _) => AdoNetGrainStorageFactory.Create(provider, Durable));
        services.AddKeyedSingleton(Relaxed, (provider, _) => AdoNetGrainStorageFactory.Create(provider, Relaxed));
        // The inner providers open the database in a stage of the silo's life cycle.
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredKeyedService<AdoNetGrainStorage>(Durable));
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredKeyedService<AdoNetGrainStorage>(Relaxed));
        return services.AddGrainStorage(Name, (provider, _) => new EncryptedGrainStorage(
            provider.GetRequiredKeyedService<AdoNetGrainStorage>(Durable), provider.GetRequiredKeyedService<AdoNetGrainStorage>(Relaxed), relaxedStates,
            provider.GetRequiredService<IOptions<ClusterOptions>>().Value.ServiceId,
            provider.GetRequiredService<IDataProtectionProvider>(), provider.GetRequiredService<Serializer>(),
            provider.GetRequiredService<IActivatorProvider>(), provider.GetRequiredService<ILogger<EncryptedGrainStorage>>()));
    }

    private static void Configure(IServiceCollection services, string name, System.Data.Common.DbDataSource source, bool deleteOnClear) =>
        services.Configure<AdoNetGrainStorageOptions>(name, options =>
        {
            options.Invariant = SqliteInvariant;
            options.DataSource = source;
            options.GrainStorageSerializer = new EnvelopeSerializer();
            options.DeleteStateOnClear = deleteOnClear;
        });
}
