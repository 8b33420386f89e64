using System.Collections.Concurrent;
using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Tests.Privacy;

/// <summary>Random keys that live as long as the test.</summary>
internal sealed class TestKeys : IClusterKeys
{
    private readonly ECDiffieHellman _sealing = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly List<byte[]> _peppers = [RandomNumberGenerator.GetBytes(32)];
    private readonly byte[] _proof = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, byte[]> _tenantKeys = new();

    public SealingKey SealingKey => SecretSealer.PublicKeyOf("test-1", _sealing);

    public Secret<byte>? Open(SealedSecret sealedSecret, string context, string purpose) => SecretSealer.Open(_sealing, context, purpose, sealedSecret);

    public ReadOnlySpan<byte> PseudonymKey(string tenant) => _tenantKeys.GetOrAdd("pseudonym/" + tenant, _ => RandomNumberGenerator.GetBytes(32));

    public ReadOnlySpan<byte> Pepper => _peppers[^1];

    public int PepperVersion => _peppers.Count;

    public ReadOnlySpan<byte> PepperOf(int version) => version >= 1 && version <= _peppers.Count ? _peppers[version - 1] : default;

    public void AddPepper() => _peppers.Add(RandomNumberGenerator.GetBytes(32));

    public ReadOnlySpan<byte> ProofKey => _proof;

    public ReadOnlySpan<byte> RiskKey => _proof;

    public ReadOnlySpan<byte> AuditKey(string tenant) => _tenantKeys.GetOrAdd("audit/" + tenant, _ => RandomNumberGenerator.GetBytes(32));
}
