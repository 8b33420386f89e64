using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Edge.Stir;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>A public key infrastructure for PASSporTs: a root, an intermediate, and leaves as a test wants them.</summary>
internal sealed class StirPki : IDisposable
{
    public const string BasicConstraints = "2.5.29.19";
    public const string KeyUsage = "2.5.29.15";

    private readonly ECDsa _rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _intermediate;

    /// <param name="numbers">TNAuthList of the intermediate; null: there is none.</param>
    public StirPki(DateTimeOffset now, byte[]? numbers = null)
    {
        Now = now;
        var root = new CertificateRequest("CN=STI root", _rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        root.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(root.PublicKey, false));
        _root = root.CreateSelfSigned(now.AddYears(-1), now.AddYears(5));
        var intermediate = new CertificateRequest("CN=STI intermediate", _key, HashAlgorithmName.SHA256);
        intermediate.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        intermediate.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        intermediate.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(intermediate.PublicKey, false));
        if (numbers is not null) intermediate.CertificateExtensions.Add(new X509Extension(TnAuthList.Oid, numbers, false));
        using var issued = intermediate.Create(_root, now.AddYears(-1), now.AddYears(2), [2]);
        _intermediate = issued.CopyWithPrivateKey(_key);
    }

    public DateTimeOffset Now { get; }

    public string RootPem => _root.ExportCertificatePem();

    public X509Certificate2Collection Authorities => [X509CertificateLoader.LoadCertificate(_root.RawData)];

    public StirTrust Trust(params StirCrl[] lists) => new(Authorities, lists);

    /// <param name="numbers">Value of TNAuthList; null: there is none.</param>
    public StirSignerOfTest Issue(byte[]? numbers, TimeSpan? from = null, TimeSpan? until = null, ECCurve? curve = null, byte serial = 7, bool withIntermediate = true, bool isAuthority = false,
        X509KeyUsageFlags? usage = null, X509Extension? more = null)
    {
        var key = ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=SHAKEN 1234", key, HashAlgorithmName.SHA256);
        if (more?.Oid?.Value != BasicConstraints) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (more is not null) request.CertificateExtensions.Add(more);
        if (usage is { } named) request.CertificateExtensions.Add(new X509KeyUsageExtension(named, true));
        if (numbers is not null) request.CertificateExtensions.Add(new X509Extension(TnAuthList.Oid, numbers, false));
        using var issued = request.Create(_intermediate, Now + (from ?? TimeSpan.FromDays(-30)), Now + (until ?? TimeSpan.FromDays(30)), [serial]);
        return new StirSignerOfTest(key, issued.ExportCertificatePem() + "\n" + (withIntermediate ? _intermediate.ExportCertificatePem() : ""));
    }

    /// <summary>A list of the intermediate, or of the root, that revokes these serial numbers of it.</summary>
    public byte[] Crl(byte[] serials, bool ofRoot = false, TimeSpan? until = null)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var serial in serials) builder.AddEntry([serial], Now.AddDays(-1));
        return builder.Build(ofRoot ? _root : _intermediate, 1, Now + (until ?? TimeSpan.FromDays(1)), HashAlgorithmName.SHA256, thisUpdate: Now.AddDays(-2));
    }

    public void Dispose()
    {
        _root.Dispose();
        _intermediate.Dispose();
        _rootKey.Dispose();
        _key.Dispose();
    }

    /// <summary>A TNAuthList of a provider's code.</summary>
    public static byte[] Provider(string code = "1234") => List(writer => Entry(writer, 0, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, code)));

    public static byte[] Numbers(params string[] numbers) => List(writer =>
    {
        foreach (var number in numbers) Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, number));
    });

    public static byte[] Range(string start, long count) => List(writer => Entry(writer, 1, () =>
    {
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, start);
            writer.WriteInteger(count);
        }
    }));

    public static byte[] List(Action<AsnWriter> entries)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence()) entries(writer);
        return writer.Encode();
    }

    public static void Entry(AsnWriter writer, int tag, Action value)
    {
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, tag))) value();
    }
}

/// <summary>A provider's key, and the chain of its certificate.</summary>
internal sealed class StirSignerOfTest(ECDsa key, string pem)
{
    public ECDsa Key => key;

    public string Pem => pem;

    public byte[] Content => Encoding.ASCII.GetBytes(pem);

    public StirCertificate Certificate => StirCertificate.Read(Content)!;

    public string Sign(string header, string payload)
    {
        var signed = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload));
        return signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }
}

/// <summary>An Identity header as a test wants it; what is not set is as it should be.</summary>
internal sealed record Identity(StirSignerOfTest Signer, DateTimeOffset Now)
{
    public const string Url = "https://cert.example.net/shaken.pem";

    public string Caller { get; init; } = "4915550001";
    public string Callee { get; init; } = "4930123456";
    public string Attestation { get; init; } = "A";
    public string? Type { get; init; } = "shaken";
    public string Algorithm { get; init; } = "ES256";
    public string X5u { get; init; } = Url;
    public string? Info { get; init; } = Url;
    public TimeSpan Age { get; init; }

    /// <summary>Members of the payload of <c>div</c> or <c>rph</c>.</summary>
    public string? Diverted { get; init; }
    public string? Priority { get; init; }

    /// <summary>The payload in place of the usual one.</summary>
    public string? Payload { get; init; }

    /// <summary>The header of the PASSporT in place of the usual one.</summary>
    public string? Header { get; init; }

    public string? Parameters { get; init; }

    public override string ToString() => Token + (Parameters ?? $"{(Info is null ? "" : $";info=<{Info}>")};alg=ES256{(Type is null ? "" : $";ppt={Type}")}");

    public string Token => Signer.Sign(Header ?? OwnHeader, Payload ?? OwnPayload);

    private string OwnHeader => "{" + $"\"alg\":\"{Algorithm}\"," + (Type is null ? "" : $"\"ppt\":\"{Type}\",") + $"\"typ\":\"passport\",\"x5u\":\"{X5u}\"" + "}";

    private string OwnPayload => "{"
        + (Type == "shaken" ? $"\"attest\":\"{Attestation}\"," : "")
        + "\"dest\":{\"tn\":[\"" + Callee + "\"]},"
        + (Diverted is null ? "" : "\"div\":{\"tn\":\"" + Diverted + "\"},")
        + $"\"iat\":{(Now - Age).ToUnixTimeSeconds()},"
        + "\"orig\":{\"tn\":\"" + Caller + "\"}"
        + (Type == "shaken" ? ",\"origid\":\"123e4567-e89b-12d3-a456-426655440000\"" : "")
        + (Priority is null ? "" : ",\"rph\":{\"auth\":[\"" + Priority + "\"]}")
        + "}";
}
