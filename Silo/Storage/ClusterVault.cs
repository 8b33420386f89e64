using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>What a cluster keeps, opened: the key ring, the keys made from it, and the database. One way in for the host and the commands.</summary>
internal sealed class ClusterVault : IDisposable
{
    private readonly X509Certificate2 _protection;

    private ClusterVault(ClusterFile cluster, IDatabase database, X509Certificate2 protection, bool first)
    {
        (Database, _protection) = (database, protection);
        Ring = KeyRing.Open(cluster.KeyFolder, protection, cluster.Service, first);
        try
        {
            Keys = ClusterKeys.Load(Ring, first);
        }
        catch
        {
            Ring.Dispose();
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
            // Of two that start together one makes the keys; the other waits, and then misses them or has them.
            using var held = database.HoldStart();
            var first = database.IsNew;
            var vault = new ClusterVault(cluster, database, KeyRingCertificate(cluster, first && !KeyRing.HasKeys(cluster.KeyFolder), now), first);
            try
            {
                database.Migrate();
                return vault;
            }
            catch
            {
                vault.Dispose();
                throw;
            }
        });
    }

    /// <summary>Opens what a running or stopped cluster left; makes nothing.</summary>
    /// <exception cref="KeyRingException">As above.</exception>
    /// <exception cref="DatabaseException">As above, or the cluster was never started.</exception>
    public static ClusterVault OpenExisting(ClusterFile cluster, DateTimeOffset now) =>
        Open(Databases.OpenExisting(cluster.Storage), database => new ClusterVault(cluster, database, KeyRingCertificate(cluster, mayCreate: false, now), first: false));

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

    public void Dispose()
    {
        Database.Dispose();
        Ring.Dispose();
        _protection.Dispose();
    }

    private static X509Certificate2 KeyRingCertificate(ClusterFile cluster, bool mayCreate, DateTimeOffset now)
    {
        var settings = cluster.Certificates;
        if (settings.KeyRingFile is null) return Certificates.KeyProtection(cluster.CertificateFolder, mayCreate, now);
        var password = settings.KeyRingPasswordFile is { } file ? File.ReadAllText(file).TrimEnd('\r', '\n') : Environment.GetEnvironmentVariable(settings.KeyRingPasswordVariable!);
        if (string.IsNullOrEmpty(password)) throw new KeyRingException($"The password of the key ring's certificate is missing (environment variable {settings.KeyRingPasswordVariable}).");
        try
        {
            return X509CertificateLoader.LoadPkcs12FromFile(settings.KeyRingFile, password);
        }
        catch (CryptographicException)
        {
            throw new KeyRingException($"The certificate in '{settings.KeyRingFile}' does not open with the password given.");
        }
    }
}
