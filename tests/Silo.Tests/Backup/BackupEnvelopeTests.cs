using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Backup;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public sealed class BackupEnvelopeTests : IDisposable
{
    private static readonly RSA s_key = RSA.Create(2048);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A real cost takes a second of a core.</summary>
    internal static PasswordLock Password(string text = "correct horse battery") => new(new Secret<char>(text.ToCharArray()), new PasswordCost(64, 1));

    [Fact]
    public void It_opens_with_the_password_and_with_no_other()
    {
        var file = Write(Password());
        Assert.Equal("content", Read(file, Password()));
        var refused = Assert.Throws<BackupException>(() => Read(file, Password("correct horse batterz"))).Message;
        Assert.Equal("The backup does not open with this password, or its header was changed. It opens with a password.", refused);
    }

    [Fact]
    public void It_opens_with_the_key_of_a_certificate_that_it_was_made_for_and_with_the_password_beside_it()
    {
        var (certificate, key) = NewFiles();
        using var of = CertificateLock.FromFile(certificate);
        var file = Write(of, Password());
        using (var opener = PrivateKeyOpener.FromFile(key, null)) Assert.Equal("content", Read(file, opener));
        Assert.Equal("content", Read(file, Password()));
        using var stranger = RSA.Create(2048);
        using var wrong = new PrivateKeyOpener(stranger, "other.key");
        Assert.Contains("does not open with the key in 'other.key'", Assert.Throws<BackupException>(() => Read(file, wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_is_encrypted_opens_with_its_password()
    {
        var (certificate, _) = NewFiles();
        var path = Path.Combine(_folder, "encrypted.key");
        File.WriteAllText(path, s_key.ExportEncryptedPkcs8PrivateKeyPem("of the key", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
        using var of = CertificateLock.FromFile(certificate);
        using var password = new Secret<char>("of the key".ToCharArray());
        using (var opener = PrivateKeyOpener.FromFile(path, password)) Assert.Equal("content", Read(Write(of), opener));
        Assert.Throws<BackupException>(() => PrivateKeyOpener.FromFile(path, null));
        using var wrong = new Secret<char>("of another".ToCharArray());
        Assert.Throws<BackupException>(() => PrivateKeyOpener.FromFile(path, wrong));
    }

    [Fact]
    public void Each_byte_of_the_header_is_bound()
    {
        var file = Write(Password());
        var header = file.Length - "content".Length - SealedChunks.TagSize;
        Assert.Equal(14 + 2 + 3 + 72 + 32, header);
        for (var i = 0; i < header; i++)
        {
            var changed = file.ToArray();
            changed[i] ^= 1;
            Assert.Throws<BackupException>(() => Read(changed, Password()));
        }
        for (var length = 0; length < header; length++) Assert.Throws<BackupException>(() => Read(file[..length], Password()));
    }

    [Fact]
    public void A_stanza_more_or_less_is_refused()
    {
        // Who may open it is under the file's key: somebody who has the file adds and takes away nobody.
        var file = Write(Password());
        byte[] more = [.. file[..14], 0, 75 + 4, .. file[16..(16 + 75)], 9, 0, 1, 7, .. file[(16 + 75)..]];
        Assert.Equal("The header of the backup was changed.", Assert.Throws<BackupException>(() => Read(more, Password())).Message);
        var two = Write(Password(), Password("another password"));
        byte[] less = [.. two[..14], 0, 75, .. two[16..(16 + 75)], .. two[(16 + 150)..]];
        Assert.Equal("The header of the backup was changed.", Assert.Throws<BackupException>(() => Read(less, Password())).Message);
    }

    [Fact]
    public void What_is_no_backup_and_what_is_of_a_newer_format_are_told_apart()
    {
        Assert.Equal("This is no backup of ivr.", Assert.Throws<BackupException>(() => Read(Encoding.ASCII.GetBytes("SQLite format 3 and more"), Password())).Message);
        var newer = Write(Password());
        newer[12] = (byte)'2';
        Assert.Contains("newer format", Assert.Throws<BackupException>(() => Read(newer, Password())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_that_asks_for_more_memory_than_is_bearable_is_refused_before_it_is_taken()
    {
        var stanza = Password().Close(new byte[32]);
        Assert.NotNull(Password().Open(stanza));
        stanza.Body[16] = 0x7F;
        Assert.Null(Password().Open(stanza));
    }

    [Fact]
    public void Two_backups_of_the_same_share_nothing()
    {
        var (one, other) = (Write(Password()), Write(Password()));
        Assert.NotEqual(one[^23..], other[^23..]);
    }

    private (string Certificate, string Key) NewFiles()
    {
        using var certificate = new CertificateRequest("CN=backup", s_key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        var (file, key) = (Path.Combine(_folder, "backup.pem"), Path.Combine(_folder, "backup.key"));
        File.WriteAllText(file, certificate.ExportCertificatePem());
        File.WriteAllText(key, s_key.ExportPkcs8PrivateKeyPem());
        return (file, key);
    }

    private static byte[] Write(params IBackupLock[] locks)
    {
        using var file = new MemoryStream();
        using var content = BackupEnvelope.Write(file, locks);
        content.Write("content"u8);
        content.Complete();
        return file.ToArray();
    }

    private static string Read(byte[] file, IBackupOpener opener)
    {
        using var content = BackupEnvelope.Open(new MemoryStream(file), opener);
        using var reader = new StreamReader(content);
        return reader.ReadToEnd();
    }
}
