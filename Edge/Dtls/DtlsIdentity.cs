using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Sdp;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;

namespace IvrActors.Edge.Dtls;

/// <summary>A self-signed certificate with its key: what our fingerprint in SDP is of (RFC 8827 6.5: ECDSA with P-256).</summary>
internal sealed class DtlsIdentity
{
    private DtlsIdentity(byte[] certificate, AsymmetricKeyParameter key)
    {
        (Certificate, Key) = (certificate, key);
        Fingerprint = SdpFingerprint.Of(certificate);
    }

    /// <summary>DER.</summary>
    public byte[] Certificate { get; }

    public AsymmetricKeyParameter Key { get; }

    public SdpFingerprint Fingerprint { get; }

    public static DtlsIdentity Create(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // Nobody reads the name or the dates; the certificate says nothing of who we are.
        var request = new CertificateRequest("CN=sip", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(30));
        var secret = key.ExportPkcs8PrivateKey();
        var identity = new DtlsIdentity(certificate.RawData, PrivateKeyFactory.CreateKey(secret));
        CryptographicOperations.ZeroMemory(secret);
        return identity;
    }
}

/// <summary>The identity of this process, a new one each day; calls keep the one that they began with.</summary>
internal sealed class DtlsIdentities(TimeProvider time)
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(1);

    private readonly Lock _gate = new();
    private DtlsIdentity? _current;
    private long _madeAt;

    public DtlsIdentity Current
    {
        get
        {
            lock (_gate)
            {
                if (_current is not null && time.GetElapsedTime(_madeAt) < s_lifetime) return _current;
                _madeAt = time.GetTimestamp();
                return _current = DtlsIdentity.Create(time.GetUtcNow());
            }
        }
    }
}
