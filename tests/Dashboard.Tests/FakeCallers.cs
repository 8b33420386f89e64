using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Dashboard.Tests;

/// <summary>Callers of the fake cluster: enrolments are opened as the silo does, and kept.</summary>
public sealed partial class FakeCluster
{
    private readonly ECDiffieHellman _sealing = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>By account, what was enrolled last, and by whom.</summary>
    public ConcurrentDictionary<string, (CallerEnrolment Enrolment, string Pin)> Callers { get; } = new();

    /// <summary>Called before an enrolment is done; what it throws or answers comes in its place.</summary>
    public Func<string, Task<EnrolmentResult?>> BeforeEnrolment { get; set; } = _ => Task.FromResult<EnrolmentResult?>(null);

    private sealed class EnrolmentFake(FakeCluster cluster)
    {
        public Task<CallerKey> KeyOf(string tenant, PersonalText account) =>
            tenant == "demo" ? Task.FromResult(CallerKey.ForAccount(cluster._key, tenant, account.Reveal())) : throw new ArgumentException("no such tenant");

        public Task<SealingKey> GetSealingKey() => Task.FromResult(SecretSealer.PublicKeyOf("k", cluster._sealing));
    }

    private sealed class CallerFake(FakeCluster cluster, string key)
    {
        public async Task<EnrolmentResult> Enrol(CallerEnrolment enrolment)
        {
            var account = enrolment.Account.Reveal();
            if (await cluster.BeforeEnrolment(account) is { } instead) return instead;
            using var pin = SecretSealer.Open(cluster._sealing, key, CallerEnrolment.PinPurpose, enrolment.Pin)!;
            var existed = cluster.Callers.ContainsKey(account);
            if (pin.Length < 4) return new EnrolmentResult { Error = "a PIN has 4 to 8 digits" };
            if (!existed || !enrolment.OnlyNew) cluster.Callers[account] = (enrolment, Encoding.ASCII.GetString(pin.Expose()));
            return new EnrolmentResult { Existed = existed };
        }
    }
}
