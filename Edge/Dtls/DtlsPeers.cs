using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

namespace IvrActors.Edge.Dtls;

/// <summary>What a handshake is held to.</summary>
/// <param name="Identity">Our certificate.</param>
/// <param name="PeerFingerprints">The peer's certificate has one of these, or the handshake fails.</param>
/// <param name="Profiles">Numbers of our SRTP protection profiles, best first (RFC 5764 4.1.2).</param>
internal sealed record DtlsTerms(DtlsIdentity Identity, IReadOnlyList<SdpFingerprint> PeerFingerprints, bool WeAreClient, int[] Profiles)
{
    /// <summary>The first of our profiles that the peer has, too, or 0.</summary>
    public int Choose(UseSrtpData? offered) => offered is null ? 0 : Profiles.FirstOrDefault(offered.ProtectionProfiles.Contains);
}

/// <summary>What our DTLS server and client have in common: DTLS 1.2 with ECDHE and AEAD, certificates on both sides, keys for SRTP and nothing else.</summary>
internal static class DtlsRules
{
    /// <summary>Whole handshake of a peer that is heard all the while. One on a bad path sends again after 1, 2 and 4 s (RFC 6347 4.2.4.1); longer, and the caller has hung up.</summary>
    public const int TimeoutMs = 12_000;

    /// <summary>First retransmission of ours: above the round trip of any telephone path that can be talked over.</summary>
    public const int ResendMs = 250;

    public static BcTlsCrypto Crypto { get; } = new(new SecureRandom(new Org.BouncyCastle.Crypto.Prng.CryptoApiRandomGenerator()));

    public static readonly ProtocolVersion[] Versions = ProtocolVersion.DTLSv12.Only();

    /// <summary>RFC 8827 6.5 demands the first one. A client of ours takes RSA certificates too.</summary>
    public static readonly int[] EcdsaSuites =
    [
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];

    public static readonly int[] ClientSuites =
    [
        .. EcdsaSuites, CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ];

    public static readonly int[] Groups = [NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1];

    public static TlsCredentialedSigner Sign(TlsContext context, DtlsIdentity identity) => new BcDefaultTlsCredentialedSigner(
        new TlsCryptoParameters(context), Crypto, identity.Key, new Certificate([new BcTlsCertificate(Crypto, identity.Certificate)]),
        SignatureAndHashAlgorithm.GetInstance(HashAlgorithm.sha256, SignatureAlgorithm.ecdsa));

    /// <summary>RFC 5763 5: the certificate is not trusted for who signed it but for its fingerprint, which came by the signalling.</summary>
    public static void Check(DtlsTerms terms, Certificate? certificate)
    {
        if (certificate is null || certificate.IsEmpty) throw new TlsFatalAlert(AlertDescription.bad_certificate);
        var der = certificate.GetCertificateAt(0).GetEncoded();
        if (!terms.PeerFingerprints.Any(fingerprint => fingerprint.IsOf(der))) throw new WrongCertificateException();
    }

    public static SrtpKeys Export(TlsContext context, int profile, bool weAreClient)
    {
        var suite = SrtpSuite.ByProfile((ushort)profile)!;
        return SrtpKeys.Split(suite, context.ExportKeyingMaterial(SrtpKeys.ExporterLabel, null, 2 * suite.KeyAndSaltSize), weAreClient);
    }
}

/// <summary>The peer's certificate is not the one whose fingerprint was signalled.</summary>
internal sealed class WrongCertificateException() : TlsFatalAlert(Org.BouncyCastle.Tls.AlertDescription.bad_certificate);

/// <summary>One handshake of ours as server.</summary>
internal sealed class DtlsSrtpServer(DtlsTerms terms) : DefaultTlsServer(DtlsRules.Crypto), IDtlsSide
{
    private int _profile;

    public SrtpKeys? Keys { get; private set; }

    public override int GetHandshakeTimeoutMillis() => DtlsRules.TimeoutMs;

    public override int GetHandshakeResendTimeMillis() => DtlsRules.ResendMs;

    public override int GetMaxHandshakeMessageSize() => DtlsRecords.MostMessage;

    public override bool RequiresExtendedMasterSecret() => true;

    public override int[] GetSupportedGroups() => DtlsRules.Groups;

    public override void ProcessClientExtensions(IDictionary<int, byte[]> clientExtensions)
    {
        base.ProcessClientExtensions(clientExtensions);
        _profile = terms.Choose(clientExtensions is null ? null : TlsSrtpUtilities.GetUseSrtpExtension(clientExtensions));
        // RFC 5764 4.1.1: without a common profile the association is of no use to us.
        if (_profile == 0) throw new TlsFatalAlert(AlertDescription.handshake_failure);
    }

    public override IDictionary<int, byte[]> GetServerExtensions()
    {
        var extensions = base.GetServerExtensions();
        TlsSrtpUtilities.AddUseSrtpExtension(extensions, new UseSrtpData([_profile], []));
        return extensions;
    }

    public override CertificateRequest GetCertificateRequest() => new(
        [ClientCertificateType.ecdsa_sign, ClientCertificateType.rsa_sign], TlsUtilities.GetDefaultSupportedSignatureAlgorithms(m_context), null);

    public override void NotifyClientCertificate(Certificate clientCertificate) => DtlsRules.Check(terms, clientCertificate);

    public override void NotifyHandshakeComplete()
    {
        base.NotifyHandshakeComplete();
        Keys = DtlsRules.Export(m_context, _profile, weAreClient: false);
    }

    protected override ProtocolVersion[] GetSupportedVersions() => DtlsRules.Versions;

    protected override int[] GetSupportedCipherSuites() => DtlsRules.EcdsaSuites;

    protected override int SelectECDH(int minimumCurveBits)
    {
        var offered = m_context.SecurityParameters.ClientSupportedGroups;
        if (offered is null) return NamedGroup.secp256r1;
        return Array.Find(DtlsRules.Groups, group => offered.Contains(group)) is var group and > 0 ? group : -1;
    }

    protected override TlsCredentialedSigner GetECDsaSignerCredentials() => DtlsRules.Sign(m_context, terms.Identity);
}

/// <summary>One handshake of ours as client.</summary>
internal sealed class DtlsSrtpClient(DtlsTerms terms) : DefaultTlsClient(DtlsRules.Crypto), IDtlsSide
{
    private int _profile;

    /// <summary>No OCSP: the fingerprint says whose certificate it is, and the answer would be one message more to wait for.</summary>
    protected override CertificateStatusRequest? GetCertificateStatusRequest() => null;

    public SrtpKeys? Keys { get; private set; }

    public override int GetHandshakeTimeoutMillis() => DtlsRules.TimeoutMs;

    public override int GetHandshakeResendTimeMillis() => DtlsRules.ResendMs;

    public override int GetMaxHandshakeMessageSize() => DtlsRecords.MostMessage;

    public override bool RequiresExtendedMasterSecret() => true;

    public override IDictionary<int, byte[]> GetClientExtensions()
    {
        var extensions = base.GetClientExtensions();
        TlsSrtpUtilities.AddUseSrtpExtension(extensions, new UseSrtpData(terms.Profiles, []));
        return extensions;
    }

    public override void ProcessServerExtensions(IDictionary<int, byte[]> serverExtensions)
    {
        base.ProcessServerExtensions(serverExtensions);
        var chosen = serverExtensions is null ? null : TlsSrtpUtilities.GetUseSrtpExtension(serverExtensions);
        // RFC 5764 4.1.1: exactly one, of those offered, and no MKI, since we have none.
        if (chosen is not { ProtectionProfiles.Length: 1, Mki.Length: 0 }) throw new TlsFatalAlert(AlertDescription.illegal_parameter);
        _profile = terms.Choose(chosen);
        if (_profile == 0) throw new TlsFatalAlert(AlertDescription.illegal_parameter);
    }

    public override TlsAuthentication GetAuthentication() => new Authentication(this, terms);

    public override void NotifyHandshakeComplete()
    {
        base.NotifyHandshakeComplete();
        Keys = DtlsRules.Export(m_context, _profile, weAreClient: true);
    }

    protected override ProtocolVersion[] GetSupportedVersions() => DtlsRules.Versions;

    protected override int[] GetSupportedCipherSuites() => DtlsRules.ClientSuites;

    protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => [.. DtlsRules.Groups];

    private sealed class Authentication(DtlsSrtpClient client, DtlsTerms terms) : TlsAuthentication
    {
        public void NotifyServerCertificate(TlsServerCertificate serverCertificate) => DtlsRules.Check(terms, serverCertificate.Certificate);

        // A server that asks for no certificate can't know who we are (RFC 5763 5 has it ask).
        public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) => DtlsRules.Sign(client.m_context, terms.Identity);
    }
}

/// <summary>Either side of a handshake.</summary>
internal interface IDtlsSide
{
    /// <summary>Null until the handshake is complete.</summary>
    SrtpKeys? Keys { get; }
}
