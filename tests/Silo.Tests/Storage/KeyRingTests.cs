using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.DataProtection;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class KeyRingTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;

    [Fact]
    public void Keys_survive_a_restart()
    {
        using var folder = new TestFolder();
        byte[] sealedText;
        string pepper;
        SealedSecret digits;
        using (var ring = Open(folder, first: true))
        {
            var keys = ClusterKeys.Load(ring, mayCreate: true);
            sealedText = ring.Protection.CreateProtector("a").Protect([1, 2, 3]);
            pepper = Convert.ToHexString(keys.Pepper);
            digits = SecretSealer.Seal(keys.SealingKey, "call-1", "pin", "1234"u8);
        }
        using var again = Open(folder, first: false);
        var reloaded = ClusterKeys.Load(again, mayCreate: false);
        Assert.Equal([1, 2, 3], again.Protection.CreateProtector("a").Unprotect(sealedText));
        Assert.Equal(pepper, Convert.ToHexString(reloaded.Pepper));
        using var opened = reloaded.Open(digits, "call-1", "pin");
        Assert.Equal("1234"u8, opened!.Expose());
        Assert.Null(reloaded.Open(digits, "call-2", "pin"));
    }

    [Fact]
    public void A_new_pepper_counts_from_the_next_start_and_the_old_ones_stay()
    {
        using var folder = new TestFolder();
        using var ring = Open(folder, first: true);
        var before = ClusterKeys.Load(ring, mayCreate: true);
        Assert.Equal(1, before.PepperVersion);
        Assert.Equal(2, ClusterKeys.AddPepper(ring));
        Assert.Equal(3, ClusterKeys.AddPepper(ring));
        Assert.True(before.PepperOf(3).IsEmpty);

        var after = ClusterKeys.Load(ring, mayCreate: false);
        Assert.Equal(3, after.PepperVersion);
        Assert.True(after.PepperOf(1).SequenceEqual(before.Pepper));
        Assert.True(after.PepperOf(3).SequenceEqual(after.Pepper));
        Assert.False(after.PepperOf(2).SequenceEqual(after.PepperOf(3)));
        Assert.True(after.PepperOf(0).IsEmpty && after.PepperOf(4).IsEmpty);
    }

    [Fact]
    public void A_pepper_that_is_missing_between_others_stops_the_start()
    {
        using var folder = new TestFolder();
        using var ring = Open(folder, first: true);
        ClusterKeys.Load(ring, mayCreate: true);
        ClusterKeys.AddPepper(ring);
        ClusterKeys.AddPepper(ring);
        File.Delete(Path.Combine(folder, "keys", "pepper-2.secret"));
        Assert.Contains("pepper-2", Assert.Throws<KeyRingException>(() => ClusterKeys.Load(ring, mayCreate: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_key_is_another_and_each_tenant_has_its_own()
    {
        using var folder = new TestFolder();
        using var ring = Open(folder, first: true);
        var keys = ClusterKeys.Load(ring, mayCreate: true);
        string[] all =
        [
            Convert.ToHexString(keys.Pepper), Convert.ToHexString(keys.ProofKey), Convert.ToHexString(keys.TokenKey),
            Convert.ToHexString(keys.PseudonymKey("a")), Convert.ToHexString(keys.PseudonymKey("b")), Convert.ToHexString(keys.AuditKey("a")),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.All(all, key => Assert.Equal(64, key.Length));
    }

    [Fact]
    public void Without_its_certificate_the_ring_is_refused_and_no_new_certificate_is_made()
    {
        using var folder = new TestFolder();
        Open(folder, first: true).Dispose();
        File.Delete(Path.Combine(folder, "certs", "keyring.key"));
        var error = Assert.Throws<KeyRingException>(() => Open(folder, first: false));
        Assert.Contains("certificate that protects the key ring is missing", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder, "certs", "keyring.key")));
    }

    [Fact]
    public void With_another_certificate_the_ring_is_refused()
    {
        using var folder = new TestFolder();
        Open(folder, first: true).Dispose();
        Directory.Delete(Path.Combine(folder, "certs"), true);
        using var other = TestKeys.Protection(folder, mayCreate: true);
        var keysBefore = Directory.GetFiles(Path.Combine(folder, "keys")).Order();
        var error = Assert.Throws<KeyRingException>(() => KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), other, "test", mayCreate: true));
        Assert.Contains("protected by another key than the certificate 'CN=ivr key ring'", error.Message, StringComparison.Ordinal);
        Assert.Equal(keysBefore, Directory.GetFiles(Path.Combine(folder, "keys")).Order());
    }

    [Fact]
    public void A_database_without_its_ring_or_its_master_secret_is_refused()
    {
        using var folder = new TestFolder();
        using var protection = TestKeys.Protection(folder, mayCreate: true);
        Assert.Throws<KeyRingException>(() => KeyRing.Open(new FileKeyStore(Path.Combine(folder, "keys")), protection, "test", mayCreate: false));
        using var ring = Open(folder, first: true);
        Assert.Throws<KeyRingException>(() => ClusterKeys.Load(ring, mayCreate: false));
    }

    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Only_the_owner_can_read_keys_and_no_key_stands_in_clear()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("file modes of Unix");
        using var folder = new TestFolder();
        using var ring = Open(folder, first: true);
        ClusterKeys.Load(ring, mayCreate: true);
        Certificates.Server(Path.Combine(folder, "certs"), s_now);
        var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        Assert.True(files.Length >= 8);
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Assert.All(Directory.GetDirectories(folder), d => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(d)));
        Assert.All(Directory.GetFiles(Path.Combine(folder, "keys"), "key-*.xml"), file => Assert.Contains("EncryptedData", File.ReadAllText(file), StringComparison.Ordinal));
    }

    [Fact]
    public void The_server_certificate_is_P256_names_the_loopback_hosts_and_is_kept()
    {
        using var folder = new TestFolder();
        var made = Certificates.Server(folder, s_now).Current;
        var kept = Certificates.Server(folder, s_now).Current;
        Assert.Equal(made.Thumbprint, kept.Thumbprint);
        Assert.True(made.HasPrivateKey);
        Assert.True(made.MatchesHostname("localhost"));
        Assert.True(made.MatchesHostname("127.0.0.1"));
        Assert.True(made.MatchesHostname("::1"));
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPublicKey(made);
        Assert.Equal(256, key!.KeySize);
        var renewed = Certificates.Server(folder, s_now.AddDays(390)).Current;
        Assert.NotEqual(made.Thumbprint, renewed.Thumbprint);
    }

    private static KeyRing Open(string folder, bool first) => TestKeys.Open(folder, "test", first);
}
