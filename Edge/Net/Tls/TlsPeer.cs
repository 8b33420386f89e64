namespace IvrActors.Edge.Net.Tls;

/// <summary>What the handshake of an incoming connection proved: made by <see cref="TlsTrust"/> only, when the chain is trusted and the identity is a trunk's.</summary>
internal sealed class TlsPeer
{
    internal TlsPeer(EdgeTrunk trunk, IReadOnlyList<string> identities) => (Trunk, Identities) = (trunk, identities);

    public EdgeTrunk Trunk { get; }

    /// <summary>Domains of the certificate (RFC 5922 7.1).</summary>
    public IReadOnlyList<string> Identities { get; }
}
