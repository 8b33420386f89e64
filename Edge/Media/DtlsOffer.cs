using System.Net;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Media;

/// <summary>What the first offer of a session tells of us where keys are to come by DTLS. It holds for every answer, of whichever callee (RFC 8842 5.2, RFC 8839 4.2).</summary>
internal sealed class DtlsOffer(DtlsIdentity identity) : IDisposable
{
    public DtlsIdentity Identity { get; } = identity;

    public IceCredentials Ice { get; } = MediaEngine.NewIce();

    public string TlsId { get; } = MediaEngine.NewTlsId();

    /// <summary>The answer says who begins (RFC 8842 5.2).</summary>
    public SdpOurDtls Lines(IReadOnlyList<IPAddress> candidates) => new(Identity.Fingerprint, SdpSetup.ActPass, TlsId, Ice, candidates);

    public void Dispose() => Ice.Dispose();
}
