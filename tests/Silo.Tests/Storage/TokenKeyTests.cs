using System.Security.Cryptography;
using System.Xml.Linq;
using IvrActors.Silo.Storage;
using Net.Pkcs11Interop.Common;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>The key ring protected by a key of a PKCS#11 token, here SoftHSM.</summary>
public sealed class TokenKeyTests : IDisposable
{
    private readonly TestFolder _folder = new();

    [Fact]
    public void A_ring_protected_by_a_token_opens_after_a_restart_and_its_keys_stand_nowhere_in_clear()
    {
        SoftToken.Require();
        byte[] written;
        using (var ring = Open(SoftToken.First, mayCreate: true)) written = ring.Protection.CreateProtector("a").Protect([1, 2]);
        using var again = Open(SoftToken.First);
        Assert.Equal([1, 2], again.Protection.CreateProtector("a").Unprotect(written));
        var element = Assert.Single(again.Store.Elements());
        Assert.DoesNotContain("masterKey", element.Xml.ToString(), StringComparison.Ordinal);
        Assert.Contains("tokenKey", element.Xml.ToString(), StringComparison.Ordinal);
        // A key that is made while it runs, too.
        var made = again.Live.Rotate();
        using var other = Open(SoftToken.First);
        Assert.Equal(made, other.Live.Current.KeyId);
    }

    [Fact]
    public void Another_token_with_a_key_of_the_same_name_does_not_open_it()
    {
        SoftToken.Require();
        Open(SoftToken.First, mayCreate: true).Dispose();
        var error = Assert.Throws<KeyRingException>(() => Open(SoftToken.Second, mayCreate: true));
        Assert.Contains($"protected by another key than the key '{SoftToken.Ring}' in the token '{SoftToken.Second}'", error.Message, StringComparison.Ordinal);
        Assert.Single(new FileKeyStore(Keys).Elements());
    }

    [Fact]
    public void What_is_missing_or_wrong_is_named()
    {
        var token = SoftToken.Require();
        Assert.Contains("'/nowhere/lib.so'", Assert.Throws<KeyRingException>(() =>
        {
            using var pin = new Grains.Interfaces.Secret<char>(SoftToken.Pin.ToCharArray());
            TokenKey.Open("/nowhere/lib.so", SoftToken.First, SoftToken.Ring, pin);
        }).Message, StringComparison.Ordinal);
        var absent = Assert.Throws<KeyRingException>(() => SoftToken.Open("gone")).Message;
        Assert.Contains("The token 'gone'", absent, StringComparison.Ordinal);
        Assert.Contains($"'{SoftToken.First}'", absent, StringComparison.Ordinal);
        Assert.Contains("no private RSA key 'gone'", Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.First, key: "gone")).Message, StringComparison.Ordinal);
        token.MakeKey(SoftToken.Bench, "twice");
        token.MakeKey(SoftToken.Bench, "twice");
        Assert.Contains("several private RSA keys 'twice'", Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.Bench, key: "twice")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_pin_says_so_without_repeating_it_and_the_right_one_is_taken_afterwards()
    {
        SoftToken.Require();
        var error = Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.Fragile, pin: "not-the-pin"));
        Assert.Contains($"The PIN given for the token '{SoftToken.Fragile}'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-pin", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("no private RSA key", Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.Fragile)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_private_key_cannot_be_read_and_one_that_could_is_refused()
    {
        var token = SoftToken.Require();
        token.In(SoftToken.First, session =>
        {
            var factory = Pkcs11Module.Factories.ObjectAttributeFactory;
            var key = session.FindAllObjects([factory.Create(CKA.CKA_CLASS, CKO.CKO_PRIVATE_KEY), factory.Create(CKA.CKA_LABEL, SoftToken.Ring)]).Single();
            Assert.All(session.GetAttributeValue(key, [CKA.CKA_PRIVATE_EXPONENT, CKA.CKA_PRIME_1]), attribute => Assert.True(attribute.CannotBeRead));
            return true;
        });
        token.MakeKey(SoftToken.Bench, "loose", extractable: true);
        Assert.Contains("can be read out", Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.Bench, key: "loose")).Message, StringComparison.Ordinal);
        token.MakeKey(SoftToken.Bench, "short", bits: 1024);
        Assert.Contains("has 1024 bits", Assert.Throws<KeyRingException>(() => SoftToken.Open(SoftToken.Bench, key: "short")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_element_that_was_changed_does_not_open()
    {
        SoftToken.Require();
        using var key = SoftToken.Open(SoftToken.First);
        var element = new TokenXmlEncryptor(key).Encrypt(new XElement("secret", "text")).EncryptedElement;
        var decryptor = new TokenXmlDecryptor(new Services(new TokenKeys([key])));
        Assert.Equal("text", decryptor.Decrypt(element).Value);
        foreach (var (part, index) in new[] { ("wrapped", 3), ("sealed", 0), ("sealed", 12), ("sealed", 28) })
        {
            var changed = new XElement(element);
            var bytes = Convert.FromBase64String(changed.Element(part)!.Value);
            bytes[index] ^= 1;
            changed.Element(part)!.Value = Convert.ToBase64String(bytes);
            Assert.ThrowsAny<Exception>(() => decryptor.Decrypt(changed));
        }
    }

    [Fact]
    public void A_ring_goes_from_a_certificate_to_a_token_and_opens_without_the_certificate_afterwards()
    {
        SoftToken.Require();
        TestKeys.CopyCertificateTo(_folder);
        byte[] written;
        using (var before = TestKeys.Open(_folder, "test", first: true))
        {
            written = before.Protection.CreateProtector("a").Protect([1, 2]);
            before.Live.Rotate();
        }
        using (var both = new RingProtection(SoftToken.Open(SoftToken.First), CertificateKey.Generated(Path.Combine(_folder, "certs"), mayCreate: false, DateTimeOffset.UtcNow)))
        {
            using var ring = KeyRing.Open(new FileKeyStore(Keys), both, "test", mayCreate: false);
            Assert.Equal(2, ring.Protect());
        }
        using var after = Open(SoftToken.First);
        Assert.Equal([1, 2], after.Protection.CreateProtector("a").Unprotect(written));
        Assert.Throws<KeyRingException>(() => TestKeys.Open(_folder, "test", first: false));
    }

    public void Dispose() => _folder.Dispose();

    private string Keys => Path.Combine(_folder, "keys");

    private KeyRing Open(string token, bool mayCreate = false) => KeyRing.Open(new FileKeyStore(Keys), new RingProtection(SoftToken.Open(token)), "test", mayCreate);

    private sealed class Services(TokenKeys keys) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == typeof(TokenKeys) ? keys : null;
    }
}
