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
            var newest = new NewestVersions();
            for (var i = 0; i < 100_000; i++) newest.Saw("state", GrainId.Create("bench", $"other-{i}"), 1);
            var version = 0L;
            using var gcm = new GcmKey(RandomNumberGenerator.GetBytes(GcmKey.Size));
            var (cipher, tag) = (new byte[plain.Length], new byte[GcmKey.TagSize]);
            var encrypted = StorageBench.Encrypted(new NoTable(), ring);
            var unsealed = new PlainGrainStorage(new NoTable(), serializer);
            var (one, other) = (StorageBench.NewState(), StorageBench.NewState());
            foreach (var cost in Measurement.Compare(
                ("serialize to an array", () => serializer.SerializeToArray(state)),
                ("serialize to a buffer of ours", () =>
                {
                    using var buffer = new PlainBuffer();
                    serializer.Serialize(state, buffer);
                }
            ),
                ("12 random bytes", () => RandomNumberGenerator.Fill(nonce)),
                ("AES-256-GCM with a nonce", () => gcm.TryEncrypt(plain, nonce, cipher, tag, data)),
                ("which ring key is current", () => ring.Live.Writing()),
                ("remember the version", () => newest.Saw("state", grain, ++version)),
                ("a timer of a histogram", () => StorageMetrics.Protect.NewTimer().Dispose()),
                ("seal", () => ring.States.Seal("state", grain, 1, plain)),
                ("open", () => ring.States.Open("state", grain, 1, payload)),
                ("a write, plain, without a table", () => unsealed.WriteStateAsync("state", grain, one).GetAwaiter().GetResult()),
                ("a write, encrypted, without a table", () => encrypted.WriteStateAsync("state", grain, other).GetAwaiter().GetResult()),
                ("DataProtection, purpose of a row", () => ((IDataProtector)root.CreateProtector(["state", grain.ToString()])).Protect(plain)),
                ("DataProtection, purpose at hand", () => root.Protect(plain)))) Console.WriteLine(cost);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Takes every write and keeps none.</summary>
    private sealed class NoTable : IStateTable
    {
        private static readonly Task<bool> s_done = Task.FromResult(true);

        public bool IsShared => true;

        public Task<bool> Write(string state, string grain, byte[] payload, long expected, long version, bool durable) => s_done;

        public Task<DateTimeOffset> Now(TimeProvider ours) => throw new NotSupportedException();

        public Task<StateRow?> Read(string state, string grain) => throw new NotSupportedException();

        public Task<bool> Delete(string state, string grain, long expected, bool durable) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> KeysOf(string state) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> LockoutsOfStrangers(string after, int most) => throw new NotSupportedException();

        public Task Remove(string state, IReadOnlyList<string> grains) => throw new NotSupportedException();

        public Task<IReadOnlyList<RowHead>> Page(string afterState, string afterGrain, int most) => throw new NotSupportedException();

        public Task<bool> Rewrite(string state, string grain, long version, byte[] expected, byte[] payload) => throw new NotSupportedException();
    }
}
