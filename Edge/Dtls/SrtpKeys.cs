using System.Security.Cryptography;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Dtls;

/// <summary>The master keys of both directions, as a DTLS handshake gives them.</summary>
internal sealed class SrtpKeys(SrtpMasterKey ours, SrtpMasterKey peers) : IDisposable
{
    /// <summary>RFC 5764 4.2.</summary>
    public const string ExporterLabel = "EXTRACTOR-dtls_srtp";

    public SrtpMasterKey Ours => ours;

    public SrtpMasterKey Peers => peers;

    /// <summary>Splits what was exported, twice a key and a salt: client key, server key, client salt, server salt (RFC 5764 4.2). Clears it.</summary>
    public static SrtpKeys Split(SrtpSuite suite, byte[] exported, bool weAreClient)
    {
        var (key, salt) = (suite.KeySize, suite.SaltSize);
        byte[] client = [.. exported.AsSpan(0, key), .. exported.AsSpan(2 * key, salt)];
        byte[] server = [.. exported.AsSpan(key, key), .. exported.AsSpan(2 * key + salt, salt)];
        CryptographicOperations.ZeroMemory(exported);
        var (ofClient, ofServer) = (new SrtpMasterKey(suite, client), new SrtpMasterKey(suite, server));
        return weAreClient ? new SrtpKeys(ofClient, ofServer) : new SrtpKeys(ofServer, ofClient);
    }

    public override string ToString() => "[keys]";

    public void Dispose()
    {
        ours.Dispose();
        peers.Dispose();
    }
}
