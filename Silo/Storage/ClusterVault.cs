using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>What a cluster keeps on disk, opened: the key ring, the keys made from it, and the database. One way in for the host and the commands.</summary>
internal sealed class ClusterVault : IDisposable
{
    private readonly X509Certificate2 _protection;

    private ClusterVault(ClusterFile cluster, X509Certificate2 protection, bool first)
    {
        _protection = protection;
        Ring = KeyRing.Open(cluster.KeyFolder, protection, cluster.Service, first);
        try
        {
            Keys = ClusterKeys.Load(Ring, first);
            Database = new SqliteDatabase(cluster.DatabaseFile);
        }
        catch
        {
            Ring.Dispose();
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
        var vault = new ClusterVault(cluster, KeyRingCertificate(cluster, first && !KeyRing.HasKeys(cluster.KeyFolder), now), first);
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
        return new ClusterVault(cluster, KeyRingCertificate(cluster, mayCreate: false, now), first: false);
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
