using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using IvrActors.Grains.Interfaces;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;
using ISession = Net.Pkcs11Interop.HighLevelAPI.ISession;

namespace IvrActors.Silo.Storage;

/// <summary>
/// An RSA key pair in a PKCS#11 token whose private key never leaves it. What is encrypted to it lies under a random AES-256-GCM key of its own, which is wrapped by RSA-OAEP
/// (RFC 8017 7.1) with the public key, and unwrapped in the token.
/// </summary>
internal sealed class TokenKey : IRingKey
{
    /// <summary>NIST SP 800-57: what is below is not to be used.</summary>
    private const int LeastBits = 2048;

    private readonly Pkcs11Module _module;
    private readonly string _token;
    private readonly string _label;
    private readonly Secret<byte> _pin;
    private readonly RSAParameters _public;

    private TokenKey(Pkcs11Module module, string library, string token, string label, Secret<byte> pin)
    {
        (_module, _token, _label, _pin) = (module, token, label, pin);
        Name = $"the key '{label}' in the token '{token}' of '{library}'";
        _public = module.Use(token, pin, ReadPublicKey);
        Id = Convert.ToHexStringLower(SHA256.HashData(_public.Modulus!));
        Hash = ChooseHash();
    }

    public string Name { get; }

    /// <summary>SHA-256 of the modulus: tells keys of one label apart.</summary>
    public string Id { get; }

    /// <summary>
    /// The hash of OAEP: SHA-256, or SHA-1 where the token takes no other (SoftHSM up to 2.6.1). OAEP needs no hash without collisions, so this is no weakness (NIST SP 800-131A).
    /// </summary>
    public HashAlgorithmName Hash { get; }

    /// <exception cref="KeyRingException">Library, token, PIN or key are missing or wrong, or the key could leave the token.</exception>
    public static TokenKey Open(string library, string token, string label, Secret<char> pin)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(pin.Expose())];
        Encoding.UTF8.GetBytes(pin.Expose(), bytes);
        var kept = new Secret<byte>(bytes);
        try
        {
            return new TokenKey(Pkcs11Module.Load(library), library, token, label, kept);
        }
        catch
        {
            kept.Dispose();
            throw;
        }
    }

    public IXmlEncryptor Encryptor() => new TokenXmlEncryptor(this);

    public byte[] Wrap(byte[] key) => Wrap(key, Hash);

    /// <summary>What <see cref="Wrap(byte[])"/> wrapped under this hash, unwrapped in the token.</summary>
    /// <exception cref="KeyRingException">The token is gone, or does not open it.</exception>
    public byte[] Unwrap(byte[] wrapped, HashAlgorithmName hash) => _module.Use(_token, _pin, session => Unwrap(session, wrapped, hash));

    public void Dispose() => _pin.Dispose();

    private byte[] Wrap(byte[] key, HashAlgorithmName hash)
    {
        using var rsa = RSA.Create(_public);
        return rsa.Encrypt(key, RSAEncryptionPadding.CreateOaep(hash));
    }

    private byte[] Unwrap(ISession session, byte[] wrapped, HashAlgorithmName hash)
    {
        var factories = Pkcs11Module.Factories;
        var (algorithm, mask) = hash == HashAlgorithmName.SHA256 ? (CKM.CKM_SHA256, CKG.CKG_MGF1_SHA256) : (CKM.CKM_SHA_1, CKG.CKG_MGF1_SHA1);
        using var parameters = factories.MechanismParamsFactory.CreateCkRsaPkcsOaepParams((ulong)algorithm, (ulong)mask, (ulong)CKZ.CKZ_DATA_SPECIFIED, null);
        using var mechanism = factories.MechanismFactory.Create(CKM.CKM_RSA_PKCS_OAEP, parameters);
        return session.Decrypt(mechanism, Find(session), wrapped);
    }

    private HashAlgorithmName ChooseHash()
    {
        // Also shows that the private key is the one of the public key, and that it may decrypt: now, and not with the first key that is made.
        var probe = RandomNumberGenerator.GetBytes(32);
        return _module.Use(_token, _pin, session =>
        {
            foreach (var hash in new[] { HashAlgorithmName.SHA256, HashAlgorithmName.SHA1 })
            {
                try
                {
                    if (Unwrap(session, Wrap(probe, hash), hash).AsSpan().SequenceEqual(probe)) return hash;
                    throw new KeyRingException($"Public and private part of {Name} do not belong together.");
                }
                catch (Pkcs11Exception e) when (hash == HashAlgorithmName.SHA256 && e.RV is CKR.CKR_ARGUMENTS_BAD or CKR.CKR_MECHANISM_PARAM_INVALID or CKR.CKR_MECHANISM_INVALID)
                {
                    // The other one is tried.
                }
            }
            throw new KeyRingException($"{Name} does not take RSA-OAEP.");
        });
    }

    private IObjectHandle Find(ISession session)
    {
        var attributes = Pkcs11Module.Factories.ObjectAttributeFactory;
        var found = session.FindAllObjects(
        [
            attributes.Create(CKA.CKA_CLASS, CKO.CKO_PRIVATE_KEY), attributes.Create(CKA.CKA_KEY_TYPE, CKK.CKK_RSA), attributes.Create(CKA.CKA_LABEL, _label),
        ]);
        return found.Count switch
        {
            1 => found[0],
            0 => throw new KeyRingException($"The key that protects the key ring is missing: there is no private RSA key '{_label}' in the token '{_token}'. Without it nothing stored can be read."),
            _ => throw new KeyRingException($"There are several private RSA keys '{_label}' in the token '{_token}': give each its own label."),
        };
    }

    private RSAParameters ReadPublicKey(ISession session)
    {
        var values = session.GetAttributeValue(Find(session), [CKA.CKA_MODULUS, CKA.CKA_PUBLIC_EXPONENT, CKA.CKA_EXTRACTABLE, CKA.CKA_SENSITIVE]);
        if (values[2].GetValueAsBool() || !values[3].GetValueAsBool())
            throw new KeyRingException($"{Name} can be read out of it (CKA_EXTRACTABLE, or not CKA_SENSITIVE): make one that cannot.");
        var modulus = values[0].GetValueAsByteArray();
        if (modulus.Length * 8 < LeastBits) throw new KeyRingException($"{Name} has {modulus.Length * 8} bits: {LeastBits} are the least.");
        return new RSAParameters { Modulus = modulus, Exponent = values[1].GetValueAsByteArray() };
    }
}

/// <summary>The tokens' keys that this process was given.</summary>
internal sealed class TokenKeys(IReadOnlyList<TokenKey> keys)
{
    public TokenKey? Find(string id) => keys.FirstOrDefault(key => key.Id == id);
}

/// <summary>Encrypts an element of the ring to a token's key.</summary>
/// <remarks><c>sealed</c>: <c>nonce (12) | tag (16) | ciphertext</c> by AES-256-GCM, with the wrapping bound in.</remarks>
internal sealed class TokenXmlEncryptor(TokenKey key) : IXmlEncryptor
{
    internal const string Wrapped = "wrapped";
    internal const string Sealed = "sealed";
    internal const string KeyId = "key";
    internal const string OaepHash = "oaep";
    internal const int NonceSize = 12;
    internal const int TagSize = 16;
    private const int KeySize = 32;

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var plain = Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting));
        var once = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            var wrapped = key.Wrap(once);
            var sealedBytes = new byte[NonceSize + TagSize + plain.Length];
            // The key is used once: any nonce would do.
            RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceSize));
            using var aes = new AesGcm(once, TagSize);
            aes.Encrypt(sealedBytes.AsSpan(0, NonceSize), plain, sealedBytes.AsSpan(NonceSize + TagSize), sealedBytes.AsSpan(NonceSize, TagSize), ContextOf(key.Id, key.Hash.Name!));
            var element = new XElement(
                "tokenKey", new XComment($" Encrypted to {key.Name.Replace("--", "- -", StringComparison.Ordinal)}. "), new XAttribute(KeyId, key.Id), new XAttribute(OaepHash, key.Hash.Name!),
                new XElement(Wrapped, Convert.ToBase64String(wrapped)), new XElement(Sealed, Convert.ToBase64String(sealedBytes)));
            return new EncryptedXmlInfo(element, typeof(TokenXmlDecryptor));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(once);
        }
    }

    internal static byte[] ContextOf(string keyId, string hash) => Encoding.UTF8.GetBytes($"ivr key ring v1/{keyId}/{hash}");
}

/// <summary>Opens what <see cref="TokenXmlEncryptor"/> made. DataProtection makes it by its name, which stands in the ring.</summary>
internal sealed class TokenXmlDecryptor : IXmlDecryptor
{
    private readonly TokenKeys? _keys;

    public TokenXmlDecryptor(IServiceProvider services) => _keys = services.GetService<TokenKeys>();

    public XElement Decrypt(XElement encryptedElement)
    {
        var (id, hash) = ((string)encryptedElement.Attribute(TokenXmlEncryptor.KeyId)!, (string)encryptedElement.Attribute(TokenXmlEncryptor.OaepHash)!);
        var key = _keys?.Find(id) ?? throw new CryptographicException("It is encrypted to a token's key that was not given.");
        var content = Convert.FromBase64String((string)encryptedElement.Element(TokenXmlEncryptor.Sealed)!).AsSpan();
        var once = key.Unwrap(Convert.FromBase64String((string)encryptedElement.Element(TokenXmlEncryptor.Wrapped)!), new HashAlgorithmName(hash));
        var plain = new byte[content.Length - TokenXmlEncryptor.NonceSize - TokenXmlEncryptor.TagSize];
        try
        {
            using var aes = new AesGcm(once, TokenXmlEncryptor.TagSize);
            aes.Decrypt(
                content[..TokenXmlEncryptor.NonceSize], content[(TokenXmlEncryptor.NonceSize + TokenXmlEncryptor.TagSize)..], content.Slice(TokenXmlEncryptor.NonceSize, TokenXmlEncryptor.TagSize),
                plain, TokenXmlEncryptor.ContextOf(id, hash));
            using var reader = new StringReader(Encoding.UTF8.GetString(plain));
            return XElement.Load(reader);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(once);
        }
    }
}
