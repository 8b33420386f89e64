namespace IvrActors.Edge.Net.Tls;

/// <summary>What the handshake of an incoming connection proved: made by <see cref="TlsTrust"/> only, when the chain is trusted and the identity is a trunk's.</summary>
internal sealed class TlsPeer
{
    internal TlsPeer(IReadOnlyList<EdgeTrunk> trunks, IReadOnlyList<string> identities) => (Trunks, Identities) = (trunks, identities);

    /// <summary>Trunks whose demand for a certificate is met; at least one.</summary>
    public IReadOnlyList<EdgeTrunk> Trunks { get; }

    /// <summary>Domains of the certificate (RFC 5922 7.1).</summary>
    public IReadOnlyList<string> Identities { get; }
}
