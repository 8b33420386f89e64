using System.Security.Cryptography;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Prometheus;

namespace IvrActors.Bench;

/// <summary>What sealing a state costs the processor, and its parts; beside it DataProtection for each row, with the owner as its purpose.</summary>
internal static class SealBench
{
    private const int Size = 500;

    public static void Run()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-seal-bench-").FullName;
        try
        {
            using var ring = KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), new RingProtection(CertificateKey.Generated(Path.Combine(folder, "certs"), true, DateTimeOffset.UtcNow)), "bench", mayCreate: true);
            using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
            var serializer = services.GetRequiredService<Serializer>();
            var grain = GrainId.Create("bench", "grain-4711");
            var state = RandomNumberGenerator.GetBytes(Size);
            var plain = serializer.SerializeToArray(state);
            var root = ring.Protection.CreateProtector("ivr.grain-state.v1", "bench");
            var payload = ring.States.Seal("state", grain, 1, plain);
            var nonce = new byte[GcmKey.NonceSize];
            var data = new byte[100];
            using var gcm = new GcmKey(RandomNumberGenerator.GetBytes(GcmKey.Size));
            var (cipher, tag) = (new byte[plain.Length], new byte[GcmKey.TagSize]);
            foreach (var cost in Measurement.Compare(
                ("serialize to an array", () => serializer.SerializeToArray(state)),
                ("serialize to a buffer of ours", () =>
                {
                    using var buffer = new PlainBuffer();
                    serializer.Serialize(state, buffer);
                }
            ),
                ("12 random bytes", () => RandomNumberGenerator.Fill(nonce)),
                ("AES-256-GCM", () => gcm.TryEncrypt(nonce, plain, cipher, tag, data)),
                ("which ring key is current", () => ring.Live.Writing()),
                ("a timer of a histogram", () => StorageMetrics.Protect.NewTimer().Dispose()),
                ("seal", () => ring.States.Seal("state", grain, 1, plain)),
                ("open", () => ring.States.Open("state", grain, 1, payload)),
                ("DataProtection, purpose of a row", () => ((IDataProtector)root.CreateProtector(["state", grain.ToString()])).Protect(plain)),
                ("DataProtection, purpose at hand", () => root.Protect(plain)))) Console.WriteLine(cost);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
