using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Logging.Abstractions;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The DataProtection keys of the cluster: AES-256-GCM, in files that are themselves encrypted to a certificate, and beside them the
/// secrets that live outside the database. Opening refuses to go on with a ring that it cannot read: DataProtection would silently
/// make new keys, and everything stored would be lost.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly string _folder;
    private readonly X509Certificate2 _certificate;
    private readonly string _serviceId;

    private KeyRing(string folder, X509Certificate2 certificate, string serviceId)
    {
        _folder = folder;
        _certificate = certificate;
        _serviceId = serviceId;
        var services = new ServiceCollection();
        AddTo(services);
        _services = services.BuildServiceProvider();
    }

    public IDataProtectionProvider Protection => _services.GetRequiredService<IDataProtectionProvider>();

    /// <param name="mayCreate">Whether an empty folder is a first start; false when there is a database that was encrypted with keys of before.</param>
    /// <exception cref="KeyRingException">The ring is missing or does not open with this certificate.</exception>
    public static KeyRing Open(string folder, X509Certificate2 certificate, string serviceId, bool mayCreate)
    {
        if (!HasKeys(folder) && !mayCreate)
            throw new KeyRingException($"There is a database, but its key ring in '{folder}' is missing. Restore the folder: without it nothing stored can be read.");
        PrivateFiles.CreateFolder(folder);
        var ring = new KeyRing(folder, certificate, serviceId);
        try
        {
            ring.Check();
            return ring;
        }
        catch
        {
            ring.Dispose();
            throw;
        }
    }

    public static bool HasKeys(string folder) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, "key-*.xml").Any();

    /// <summary>Lets a host use this ring for everything that ASP.NET Core and the storage protect.</summary>
    public void AddTo(IServiceCollection services)
    {
        services.AddDataProtection()
            .SetApplicationName(_serviceId)
            .UseCryptographicAlgorithms(new AuthenticatedEncryptorConfiguration { EncryptionAlgorithm = EncryptionAlgorithm.AES_256_GCM })
            .ProtectKeysWithCertificate(_certificate);
        services.Configure<KeyManagementOptions>(options => options.XmlRepository = new PrivateRepository(_folder));
    }

    /// <summary>Reads a secret of this cluster from its file, or creates it.</summary>
    /// <param name="create">Makes the secret at the first start.</param>
    public byte[] Secret(string name, bool mayCreate, Func<byte[]> create)
    {
        var path = Path.Combine(_folder, name + ".secret");
        var protector = Protection.CreateProtector("ivr.secret.v1", name);
        if (File.Exists(path))
        {
            try
            {
                return protector.Unprotect(File.ReadAllBytes(path));
            }
            catch (CryptographicException)
            {
                throw new KeyRingException($"The secret in '{path}' does not open with the key ring beside it: they are not of the same cluster.");
            }
        }
        if (!mayCreate) throw new KeyRingException($"There is a database, but the secret '{path}' is missing. Restore it: without it no caller is recognized.");
        var secret = create();
        PrivateFiles.Write(path, protector.Protect(secret));
        return secret;
    }

    /// <summary>The secrets whose names begin so.</summary>
    public IEnumerable<string> Names(string prefix) => Directory.EnumerateFiles(_folder, prefix + "*.secret").Select(file => Path.GetFileNameWithoutExtension(file));

    public void Dispose() => _services.Dispose();

    private void Check()
    {
        foreach (var key in _services.GetRequiredService<IKeyManager>().GetAllKeys())
        {
            try
            {
                _ = key.Descriptor;
            }
            catch (Exception e) when (e is CryptographicException or InvalidOperationException or System.Xml.XmlException)
            {
                throw new KeyRingException(
                    $"The key ring in '{_folder}' is protected by another certificate than the one given (key {key.KeyId:D}). Give the certificate that it was made with.");
            }
        }
        // The first start makes the first key here, so that a folder that cannot be written stops the process now.
        Protection.CreateProtector("ivr.check").Protect([1]);
    }

    /// <summary>The file repository of the framework, with files that only the service's user can read.</summary>
    private sealed class PrivateRepository(string folder) : IXmlRepository
    {
        private readonly FileSystemXmlRepository _inner = new(new DirectoryInfo(folder), NullLoggerFactory.Instance);

        public IReadOnlyCollection<XElement> GetAllElements() => _inner.GetAllElements();

        public void StoreElement(XElement element, string friendlyName)
        {
            _inner.StoreElement(element, friendlyName);
            foreach (var file in Directory.EnumerateFiles(folder)) PrivateFiles.Restrict(file);
        }
    }
}

/// <summary>The key ring cannot be used, and why. The process stops.</summary>
internal sealed class KeyRingException(string message) : Exception(message);
