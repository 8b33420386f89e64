using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class SecretSealerTests : IDisposable
{
    private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly SealedSecret _sealed;

    public SecretSealerTests() => _sealed = SecretSealer.Seal(SecretSealer.PublicKeyOf("k1", _key), "call-1", "pin", "4826"u8);

    public void Dispose() => _key.Dispose();

    [Fact]
    public void What_was_sealed_opens()
    {
        using var opened = SecretSealer.Open(_key, "call-1", "pin", _sealed);
        Assert.True(opened!.Expose().SequenceEqual("4826"u8));
    }

    [Theory]
    [InlineData("call-2", "pin"), InlineData("call-1", "account"), InlineData("call-1pin", ""), InlineData("", "call-1pin"), InlineData("call-1", "pin ")]
    public void Another_context_or_purpose_does_not_open_it(string context, string purpose) => Assert.Null(SecretSealer.Open(_key, context, purpose, _sealed));

    [Fact]
    public void Another_key_or_key_id_does_not_open_it()
    {
        using var other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        Assert.Null(SecretSealer.Open(other, "call-1", "pin", _sealed));
        Assert.Null(Open(With(keyId: "k2")));
    }

    [Fact]
    public void One_changed_bit_anywhere_does_not_open_it()
    {
        for (var i = 0; i < _sealed.Ciphertext.Length * 8; i++) Assert.Null(Open(With(ciphertext: Flipped(_sealed.Ciphertext, i))));
        for (var i = 0; i < _sealed.EphemeralPublicKey.Length * 8; i++) Assert.Null(Open(With(point: Flipped(_sealed.EphemeralPublicKey, i))));
    }

    [Fact]
    public void Malformed_input_is_refused_without_an_exception()
    {
        Assert.Null(Open(With(ciphertext: [])));
        Assert.Null(Open(With(ciphertext: _sealed.Ciphertext[..15])));
        Assert.Null(Open(With(ciphertext: new byte[1_000_000])));
        Assert.Null(Open(With(point: [])));
        Assert.Null(Open(With(point: _sealed.EphemeralPublicKey[..64])));
        Assert.Null(Open(With(point: new byte[65])));
        Assert.Null(Open(With(point: [4, .. new byte[64]])));
        Assert.Null(Open(With(point: [4, .. Enumerable.Repeat((byte)0xff, 64)])));
        Assert.Null(Open(new SealedSecret { KeyId = null!, EphemeralPublicKey = null!, Ciphertext = null! }));
        Assert.Null(SecretSealer.Open(_key, "call-1", "pin", null!));
    }

    [Fact]
    public void The_same_secret_is_never_sealed_alike()
    {
        var again = SecretSealer.Seal(SecretSealer.PublicKeyOf("k1", _key), "call-1", "pin", "4826"u8);
        Assert.NotEqual(_sealed.Ciphertext, again.Ciphertext);
        Assert.NotEqual(_sealed.EphemeralPublicKey, again.EphemeralPublicKey);
    }

    private Secret<byte>? Open(SealedSecret secret) => SecretSealer.Open(_key, "call-1", "pin", secret);

    private SealedSecret With(string? keyId = null, byte[]? point = null, byte[]? ciphertext = null) =>
        new() { KeyId = keyId ?? _sealed.KeyId, EphemeralPublicKey = point ?? _sealed.EphemeralPublicKey, Ciphertext = ciphertext ?? _sealed.Ciphertext };

    private static byte[] Flipped(byte[] bytes, int bit)
    {
        var copy = (byte[])bytes.Clone();
        copy[bit / 8] ^= (byte)(1 << bit % 8);
        return copy;
    }
}
