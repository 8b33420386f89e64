using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>What a cluster keeps on disk, opened: the key ring, the keys made from it, and the database. One way in for the host and the commands.</summary>
internal sealed class ClusterVault : IDisposable
{
    private readonly RingProtection _protection;

    private ClusterVault(ClusterFile cluster, IKeyStore store, RingProtection protection, bool first)
    {
        _protection = protection;
        try
        {
            Ring = KeyRing.Open(store, protection, cluster.Service, first, cluster.Keys.Lifetime);
        }
        catch
        {
            protection.Dispose();
            throw;
        }
        try
        {
            Keys = ClusterKeys.Load(Ring, first);
            Database = new SqliteDatabase(cluster.DatabaseFile);
        }
        catch
        {
            Ring.Dispose();
            protection.Dispose();
            throw;
        }
    }

    public KeyRing Ring { get; }

    public ClusterKeys Keys { get; }

    public SqliteDatabase Database { get; }

    /// <summary>Opens what is there, or makes it all at the first start.</summary>
    /// <exception cref="KeyRingException">Something that stored data needs is missing or does not open.</exception>
    public static ClusterVault OpenOrCreate(ClusterFile cluster, DateTimeOffset now)
    {
        PrivateFiles.CreateFolder(cluster.DataFolder);
        var first = !File.Exists(cluster.DatabaseFile);
        var store = new FileKeyStore(cluster.KeyFolder);
        var vault = new ClusterVault(cluster, store, Protection(cluster, first && !store.HasKeys, now), first);
        try
        {
            Migrations.Run(vault.Database);
            return vault;
        }
        catch
        {
            vault.Dispose();
            throw;
        }
    }

    /// <summary>Opens what a running or stopped cluster left; makes nothing.</summary>
    /// <exception cref="KeyRingException">As above, or the cluster was never started.</exception>
    public static ClusterVault OpenExisting(ClusterFile cluster, DateTimeOffset now)
    {
        if (!File.Exists(cluster.DatabaseFile)) throw new KeyRingException($"There is no database at '{cluster.DatabaseFile}': this cluster was never started.");
        return new ClusterVault(cluster, new FileKeyStore(cluster.KeyFolder), Protection(cluster, mayCreate: false, now), first: false);
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
}
