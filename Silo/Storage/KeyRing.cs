using System.Security.Cryptography;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.Internal;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.KeyManagement.Internal;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The DataProtection keys of the cluster: AES-256-GCM, in a store where they are themselves encrypted to a certificate or a token's key, and beside them the secrets that live
/// outside the tables of callers. Opening refuses to go on with a ring that it cannot read: DataProtection would silently make new keys, and everything stored would be lost.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    /// <summary>How long a key is used for what is written; DataProtection's own default.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromDays(90);

    private const string DecryptorType = "decryptorType";

    // As DataProtection writes it around what IXmlEncryptor made.
    private static readonly XName s_encryptedSecret = XName.Get("encryptedSecret", "http://schemas.asp.net/2015/03/dataProtection");

    private readonly ServiceProvider _services;
    private readonly RingProtection _protection;
    private readonly string _serviceId;

    private KeyRing(IKeyStore store, RingProtection protection, string serviceId, TimeSpan lifetime, TimeProvider time)
    {
        Store = store;
        _protection = protection;
        _serviceId = serviceId;
        var services = new ServiceCollection();
        Configure(services);
        services.AddSingleton<IKeyRingProvider>(provider => new LiveKeys(() => ActivatorUtilities.CreateInstance<XmlKeyManager>(provider), store, lifetime, time));
        _services = services.BuildServiceProvider();
        Live = (LiveKeys)_services.GetRequiredService<IKeyRingProvider>();
        DataKeys = new DataKeys(Protection.CreateProtector("ivr.data-key.v1", serviceId), Live, time);
        States = new StateSeal(DataKeys, serviceId);
    }

    public IKeyStore Store { get; }

    /// <summary>What the ring's keys are encrypted to.</summary>
    public string ProtectedBy => _protection.Name;

    public LiveKeys Live { get; }

    /// <summary>What seals states of grains.</summary>
    public StateSeal States { get; }

    /// <summary>The keys that states are sealed with, under those of the ring.</summary>
    public DataKeys DataKeys { get; }

    public IDataProtectionProvider Protection => _services.GetRequiredService<IDataProtectionProvider>();

    /// <param name="protection">Stays the caller's to dispose.</param>
    /// <param name="mayCreate">Whether an empty store is a first start; false when there is a database that was encrypted with keys of before.</param>
    /// <exception cref="KeyRingException">The ring is missing or does not open with this protection.</exception>
    public static KeyRing Open(IKeyStore store, RingProtection protection, string serviceId, bool mayCreate, TimeSpan? lifetime = null, TimeProvider? time = null)
    {
        if (!store.HasKeys && !mayCreate)
            throw new KeyRingException($"There is a database, but its key ring in {store.Place} is missing. Restore it: without it nothing stored can be read.");
        var ring = new KeyRing(store, protection, serviceId, lifetime ?? DefaultLifetime, time ?? TimeProvider.System);
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

    /// <summary>Lets a host use this ring for everything that ASP.NET Core and the storage protect.</summary>
    public void AddTo(IServiceCollection services)
    {
        Configure(services);
        services.AddSingleton<IKeyRingProvider>(Live);
        services.AddSingleton(this);
    }

    /// <summary>Reads a secret of this cluster, or creates it.</summary>
    /// <param name="create">Makes the secret at the first start. Of silos that start at once, one's counts.</param>
    public byte[] Secret(string name, bool mayCreate, Func<byte[]> create)
    {
        var protector = ProtectorOf(name);
        if (Store.Secret(name) is { } found) return Open(name, found);
        if (!mayCreate) throw new KeyRingException($"There is a database, but the secret {Store.PlaceOf(name)} is missing. Restore it: without it no caller is recognized.");
        var secret = create();
        return Store.TryAddSecret(name, protector.Protect(secret)) ? secret : Open(name, Store.Secret(name)!);
    }

    /// <summary>The secrets whose names begin so.</summary>
    public IEnumerable<string> Names(string prefix) => Store.Secrets(prefix);

    /// <summary>Puts secrets that are under another key under the current one. How many.</summary>
    public int MoveSecrets()
    {
        var moved = 0;
        foreach (var name in Store.Secrets(""))
        {
            if (Store.Secret(name) is not { } content || ProtectedPayload.KeyOf(content) == Live.Current.KeyId) continue;
            var plain = Open(name, content);
            if (Store.TryReplaceSecret(name, content, ProtectorOf(name).Protect(plain))) moved++;
            CryptographicOperations.ZeroMemory(plain);
        }
        return moved;
    }

    /// <summary>The keys, oldest first.</summary>
    public IReadOnlyList<RingKey> List()
    {
        Live.Check();
        var revocations = Store.Elements().Where(element => element.Xml.Name == "revocation")
            .ToLookup(element => (string?)element.Xml.Element("key")?.Attribute("id"), element => element.Xml, StringComparer.OrdinalIgnoreCase);
        var current = Live.Current.KeyId;
        return
        [
            .. Live.All.OrderBy(key => key.CreationDate).Select(key =>
            {
                var revocation = revocations[key.KeyId.ToString("D")].FirstOrDefault();
                return new RingKey(
                    key.KeyId, key.CreationDate, key.ActivationDate, key.ExpirationDate, key.IsRevoked ? KeyState.Revoked : key.KeyId == current ? KeyState.Current : KeyState.Old,
                    (DateTimeOffset?)revocation?.Element("revocationDate"), (string?)revocation?.Element("reason"));
            }),
        ];
    }

    /// <summary>Encrypts the keys of the ring anew, to what protects it now. How many.</summary>
    /// <exception cref="KeyRingException">One does not open: nothing was changed behind it.</exception>
    public int Protect()
    {
        var encryptor = _protection.Encryptor();
        var activator = _services.GetRequiredService<IActivator>();
        var count = 0;
        using (Store.Lock())
        {
            foreach (var element in Store.Elements())
            {
                var copy = new XElement(element.Xml);
                var secrets = copy.Descendants(s_encryptedSecret).ToList();
                if (secrets.Count == 0) continue;
                foreach (var secret in secrets) secret.ReplaceWith(Protect(secret, encryptor, activator, element.Name));
                Store.Replace(new KeyElement(element.Name, copy));
                count++;
            }
        }
        return count;
    }

    public void Dispose()
    {
        DataKeys.Dispose();
        _services.Dispose();
    }

    private XElement Protect(XElement secret, IXmlEncryptor encryptor, IActivator activator, string name)
    {
        var plain = Decrypt(secret);
        var info = encryptor.Encrypt(plain);
        var anew = new XElement(s_encryptedSecret, new XAttribute(DecryptorType, info.DecryptorType.AssemblyQualifiedName!), info.EncryptedElement);
        // The old one is gone after this: the new one has to open.
        return XNode.DeepEquals(Decrypt(anew), plain) ? anew : throw new KeyRingException($"'{name}' would not open again with {_protection.Name}: it stays as it was.");

        XElement Decrypt(XElement sealedSecret)
        {
            try
            {
                return ((IXmlDecryptor)activator.CreateInstance(typeof(IXmlDecryptor), (string)sealedSecret.Attribute(DecryptorType)!)).Decrypt(new XElement(sealedSecret.Elements().Single()));
            }
            catch (Exception e) when (e is CryptographicException or InvalidOperationException or System.Xml.XmlException)
            {
                throw new KeyRingException($"'{name}' in {Store.Place} does not open with what was given to protect the key ring.", e);
            }
        }
    }

    private IDataProtector ProtectorOf(string secret) => Protection.CreateProtector("ivr.secret.v1", secret);

    private byte[] Open(string name, byte[] content)
    {
        try
        {
            return ProtectorOf(name).Unprotect(content);
        }
        catch (CryptographicException)
        {
            throw new KeyRingException($"The secret {Store.PlaceOf(name)} does not open with the key ring beside it: they are not of the same cluster, or its key was revoked.");
        }
    }

    private void Configure(IServiceCollection services)
    {
        var builder = services.AddDataProtection()
            .SetApplicationName(_serviceId)
            .UseCryptographicAlgorithms(new AuthenticatedEncryptorConfiguration { EncryptionAlgorithm = EncryptionAlgorithm.AES_256_GCM });
        _protection.AddTo(builder);
        services.Configure<KeyManagementOptions>(options => options.XmlRepository = new Repository(Store));
    }

    private void Check()
    {
        foreach (var key in _services.GetRequiredService<IKeyManager>().GetAllKeys())
        {
            try
            {
                _ = key.Descriptor;
            }
            catch (Exception e) when (e is not OutOfMemoryException and not KeyRingException)
            {
                throw new KeyRingException(
                    $"The key ring in {Store.Place} is protected by another key than {_protection.Name} (its key {key.KeyId:D} does not open). Give the certificate or token that it was made with.", e);
            }
        }
        // The first start makes the first key here, so that a store that cannot be written stops the process now.
        Live.Check();
    }

    /// <summary>Our store as DataProtection sees it. Who adds holds the store's lock.</summary>
    private sealed class Repository(IKeyStore store) : IXmlRepository
    {
        public IReadOnlyCollection<XElement> GetAllElements() => [.. store.Elements().Select(element => element.Xml)];

        public void StoreElement(XElement element, string friendlyName) => store.Add(new KeyElement(friendlyName, element));
    }
}

internal enum KeyState
{
    /// <summary>What is written is written under it.</summary>
    Current,

    /// <summary>Opens what was written under it.</summary>
    Old,

    /// <summary>Opens nothing.</summary>
    Revoked,
}

/// <summary>What may be told of a key of the ring.</summary>
internal sealed record RingKey(Guid Id, DateTimeOffset Created, DateTimeOffset Activates, DateTimeOffset Expires, KeyState State, DateTimeOffset? RevokedAt, string? Reason);

/// <summary>The key ring cannot be used, and why. The process stops.</summary>
internal sealed class KeyRingException(string message, Exception? inner = null) : Exception(message, inner);
