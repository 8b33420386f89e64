using System.Buffers.Text;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>A device with one passkey, made of the standard alone (WebAuthn Level 3: 6.1 authenticator data, 6.5.4 attestation "none", 6.5.1.1 COSE key, 7.2 signature over both).</summary>
internal sealed class SoftDevice : IDisposable
{
    private const byte UserPresent = 0x01;
    private const byte UserVerified = 0x04;
    private const byte WithCredential = 0x40;

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly byte[] _id = RandomNumberGenerator.GetBytes(32);
    private byte[] _user = [];

    public string Origin { get; set; } = "https://ivr.example:8443";
    public string Domain { get; set; } = "ivr.example";
    public bool VerifiesUser { get; set; } = true;
    public uint Count { get; set; } = 7;

    public string Register(string options)
    {
        using var asked = JsonDocument.Parse(options);
        _user = Base64Url.DecodeFromChars(asked.RootElement.GetProperty("user").GetProperty("id").GetString());
        var data = Data("webauthn.create", asked);
        var credential = new byte[16 + 2].Concat(_id).Concat(CoseKey()).ToArray();
        (credential[16], credential[17]) = ((byte)(_id.Length >> 8), (byte)_id.Length);
        var cbor = new CborWriter(CborConformanceMode.Ctap2Canonical);
        cbor.WriteStartMap(3);
        cbor.WriteTextString("fmt");
        cbor.WriteTextString("none");
        cbor.WriteTextString("attStmt");
        cbor.WriteStartMap(0);
        cbor.WriteEndMap();
        cbor.WriteTextString("authData");
        cbor.WriteByteString([.. AuthenticatorData(WithCredential), .. credential]);
        cbor.WriteEndMap();
        return JsonSerializer.Serialize(new
        {
            id = Text(_id),
            rawId = Text(_id),
            type = "public-key",
            response = new { attestationObject = Text(cbor.Encode()), clientDataJSON = Text(data), transports = new[] { "internal" } },
            clientExtensionResults = new { },
        });
    }

    public string Sign(string options)
    {
        using var asked = JsonDocument.Parse(options);
        var (data, authenticator) = (Data("webauthn.get", asked), AuthenticatorData(0));
        var signature = _key.SignData([.. authenticator, .. SHA256.HashData(data)], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        return JsonSerializer.Serialize(new
        {
            id = Text(_id),
            rawId = Text(_id),
            type = "public-key",
            response = new { authenticatorData = Text(authenticator), clientDataJSON = Text(data), signature = Text(signature), userHandle = Text(_user) },
            clientExtensionResults = new { },
        });
    }

    public void Dispose() => _key.Dispose();

    private byte[] Data(string type, JsonDocument asked) => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { type, challenge = asked.RootElement.GetProperty("challenge").GetString(), origin = Origin, crossOrigin = false }));

    private byte[] AuthenticatorData(byte flags)
    {
        Count++;
        return [.. SHA256.HashData(Encoding.ASCII.GetBytes(Domain)), (byte)(flags | UserPresent | (VerifiesUser ? UserVerified : 0)), (byte)(Count >> 24), (byte)(Count >> 16), (byte)(Count >> 8), (byte)Count];
    }

    private byte[] CoseKey()
    {
        var q = _key.ExportParameters(false).Q;
        var cbor = new CborWriter(CborConformanceMode.Ctap2Canonical);
        cbor.WriteStartMap(5);
        cbor.WriteInt32(1); // kty: EC2
        cbor.WriteInt32(2);
        cbor.WriteInt32(3); // alg: ES256
        cbor.WriteInt32(-7);
        cbor.WriteInt32(-1); // crv: P-256
        cbor.WriteInt32(1);
        cbor.WriteInt32(-2);
        cbor.WriteByteString(q.X!);
        cbor.WriteInt32(-3);
        cbor.WriteByteString(q.Y!);
        cbor.WriteEndMap();
        return cbor.Encode();
    }

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
