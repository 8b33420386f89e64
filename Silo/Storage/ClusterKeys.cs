using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Privacy;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The keys of the cluster: derived by HKDF-SHA-256 (RFC 5869) from one random master secret, each under a label of its own, and the
/// sealing key pair. Both rest in the key ring's folder, outside the database.
/// </summary>
internal sealed class ClusterKeys : IClusterKeys
{
    private const int KeySize = 32;

    private readonly byte[] _master;
    private readonly ECParameters _sealing;
    private readonly List<byte[]> _peppers;
    private readonly byte[] _proof;
    private readonly byte[] _risk;
    private readonly byte[] _token;
    private readonly byte[] _mark;
    private readonly byte[] _phone;
    private readonly ConcurrentDictionary<string, byte[]> _tenantKeys = new(StringComparer.Ordinal);

    private ClusterKeys(byte[] master, ECParameters sealing, IEnumerable<byte[]> laterPeppers)
    {
        _master = master;
        _sealing = sealing;
        _peppers = [Derive("pepper v1"), .. laterPeppers];
        _proof = Derive("verified caller v1");
        _risk = Derive("risk v1");
        _token = Derive("role token v1");
        _mark = Derive("grain mark v1");
        _phone = Derive("phone pass v1");
        using var key = ECDiffieHellman.Create(sealing);
        var point = SecretSealer.PublicKeyOf("", key).PublicKey;
        SealingKey = SecretSealer.PublicKeyOf("seal-" + Convert.ToHexStringLower(SHA256.HashData(point).AsSpan(0, 8)), key);
    }

    /// <param name="mayCreate">As in <see cref="KeyRing.Open"/>.</param>
    public static ClusterKeys Load(KeyRing ring, bool mayCreate)
    {
        var master = ring.Secret("master", mayCreate, () => RandomNumberGenerator.GetBytes(KeySize));
        var pkcs8 = ring.Secret("sealing", mayCreate, () =>
        {
            using var key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
            return key.ExportPkcs8PrivateKey();
        });
        using var sealing = ECDiffieHellman.Create();
        sealing.ImportPkcs8PrivateKey(pkcs8, out _);
        CryptographicOperations.ZeroMemory(pkcs8);
        return new ClusterKeys(master, sealing.ExportParameters(true), LaterPeppers(ring));
    }

    /// <summary>Makes the pepper under which PINs are hashed from the next start on; the others stay, for what was hashed under them. Its number.</summary>
    public static int AddPepper(KeyRing ring)
    {
        var number = FirstPepper + LaterPeppers(ring).Count() + 1;
        ring.Secret(PepperName(number), mayCreate: true, () => RandomNumberGenerator.GetBytes(KeySize));
        return number;
    }

    // The first one follows from the master secret.
    private const int FirstPepper = 1;

    private static IEnumerable<byte[]> LaterPeppers(KeyRing ring)
    {
        var last = FirstPepper + ring.Names("pepper-").Count();
        for (var number = FirstPepper + 1; number <= last; number++) yield return ring.Secret(PepperName(number), mayCreate: false, () => []);
    }

    private static string PepperName(int number) => $"pepper-{number}";

    public SealingKey SealingKey { get; }

    public ReadOnlySpan<byte> Pepper => _peppers[^1];

    public int PepperVersion => _peppers.Count;

    public ReadOnlySpan<byte> PepperOf(int version) => version >= FirstPepper && version <= _peppers.Count ? _peppers[version - FirstPepper] : default;

    public ReadOnlySpan<byte> ProofKey => _proof;

    public ReadOnlySpan<byte> RiskKey => _risk;

    /// <summary>MAC key of role tokens.</summary>
    public ReadOnlySpan<byte> TokenKey => _token;

    /// <summary>Known to silos only: what tells a call of a grain from one of a client.</summary>
    public ReadOnlySpan<byte> GrainMarkKey => _mark;

    /// <summary>Of the speech that edges keep on the disk. The caller disposes it.</summary>
    public Secret<byte> SpeechKey() => new(Derive("rendered speech v1"));

    /// <summary>Makes the passwords of the phone page's calls.</summary>
    public ReadOnlySpan<byte> PhoneKey => _phone;

    public ReadOnlySpan<byte> PseudonymKey(string tenant) => TenantKey("pseudonym v1", tenant);

    public ReadOnlySpan<byte> AuditKey(string tenant) => TenantKey("audit v1", tenant);

    public Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose)
    {
        if (sealedSecret.KeyId != SealingKey.KeyId) return null;
        // A key object of its own per call: they are not safe to share among threads.
        using var key = ECDiffieHellman.Create(_sealing);
        return SecretSealer.Open(key, context, purpose, sealedSecret);
    }

    private byte[] TenantKey(string purpose, string tenant) => _tenantKeys.GetOrAdd(purpose + "/" + tenant, Derive);

    private byte[] Derive(string label) => HKDF.DeriveKey(HashAlgorithmName.SHA256, _master, KeySize, info: Encoding.UTF8.GetBytes("ivr " + label));
}
