using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>What a cluster keeps, opened: the key ring, the keys made from it, and the database. One way in for the host and the commands.</summary>
internal sealed class ClusterVault : IDisposable
{
    private readonly RingProtection _protection;

    private ClusterVault(ClusterFile cluster, IDatabase database, RingProtection protection, bool first)
    {
        (Database, _protection) = (database, protection);
        KeyRing? ring = null;
        try
        {
            Ring = ring = KeyRing.Open(StoreOf(cluster, database), protection, cluster.Service, first, cluster.Keys.Lifetime);
            Keys = ClusterKeys.Load(Ring, first);
        }
        catch
        {
            ring?.Dispose();
            protection.Dispose();
            throw;
        }
    }

    public KeyRing Ring { get; }

    public ClusterKeys Keys { get; }

    public IDatabase Database { get; }

    /// <summary>Opens what is there, or makes it all at the first start.</summary>
    /// <exception cref="KeyRingException">Something that stored data needs is missing or does not open.</exception>
    /// <exception cref="DatabaseException">The database cannot be used.</exception>
    public static ClusterVault OpenOrCreate(ClusterFile cluster, DateTimeOffset now)
    {
        PrivateFiles.CreateFolder(cluster.DataFolder);
        return Open(Databases.Open(cluster.Storage), database =>
        {
            // Of two that start together one makes the keys; the other waits, and then has them or misses them.
            using var held = database.HoldStart();
            var isNew = database.IsNew;
            database.Migrate();
            // A first start that was cut off leaves tables without a row: nothing needs keys of before.
            var first = isNew || database.States.Page("", "", 1).GetAwaiter().GetResult().Count == 0;
            return new ClusterVault(cluster, database, Protection(cluster, first && !StoreOf(cluster, database).HasKeys, now), first);
        });
    }

    /// <summary>Opens what a running or stopped cluster left; makes nothing.</summary>
    /// <exception cref="KeyRingException">As above.</exception>
    /// <exception cref="DatabaseException">As above, or the cluster was never started.</exception>
    public static ClusterVault OpenExisting(ClusterFile cluster, DateTimeOffset now) =>
        Open(Databases.OpenExisting(cluster.Storage), database => new ClusterVault(cluster, database, Protection(cluster, mayCreate: false, now), first: false));

    private static ClusterVault Open(IDatabase database, Func<IDatabase, ClusterVault> open)
    {
        try
        {
            return open(database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>What moves the rows of this vault to the current key.</summary>
    public Reencryption Reencryption(ClusterFile cluster, TimeProvider time) => new(Database.States, Ring, cluster.Service, StateOwners.All, time);

    public void Dispose()
    {
        Database.Dispose();
        Ring.Dispose();
        _protection.Dispose();
    }

    private static RingProtection Protection(ClusterFile cluster, bool mayCreate, DateTimeOffset now) => RingProtection.Open(cluster.Certificates.KeyRing, cluster.CertificateFolder, mayCreate, now);

    // A database that several silos share has the ring for all of them.
    private static IKeyStore StoreOf(ClusterFile cluster, IDatabase database) => database.Keys ?? new FileKeyStore(cluster.KeyFolder);
}
