using System.Security.Cryptography;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Dtls;

/// <summary>The master keys of both directions, as a DTLS handshake gives them.</summary>
internal sealed class SrtpKeys(SrtpMasterKey ours, SrtpMasterKey peers) : IDisposable
{
    /// <summary>RFC 5764 4.2.</summary>
    public const string ExporterLabel = "EXTRACTOR-dtls_srtp";

    /// <summary>Protection profiles in the order of preference (RFC 5764 4.1.2). Those without encryption (0x0005, 0x0006) or with a tag of 32 bits are not in it.</summary>
    public static readonly int[] Profiles = [0x0001];

    public SrtpMasterKey Ours => ours;

    public SrtpMasterKey Peers => peers;

    /// <summary>Bytes to be exported for a profile.</summary>
    public static int SizeOf(int profile) => 2 * SrtpMasterKey.Size;

    /// <summary>Splits what was exported: client key, server key, client salt, server salt (RFC 5764 4.2). Clears it.</summary>
    public static SrtpKeys Split(int profile, byte[] exported, bool weAreClient)
    {
        const int Key = SrtpMasterKey.KeySize, Salt = SrtpMasterKey.SaltSize;
        byte[] client = [.. exported.AsSpan(0, Key), .. exported.AsSpan(2 * Key, Salt)];
        byte[] server = [.. exported.AsSpan(Key, Key), .. exported.AsSpan(2 * Key + Salt, Salt)];
        CryptographicOperations.ZeroMemory(exported);
        var (ofClient, ofServer) = (new SrtpMasterKey(client), new SrtpMasterKey(server));
        return weAreClient ? new SrtpKeys(ofClient, ofServer) : new SrtpKeys(ofServer, ofClient);
    }

    public override string ToString() => "[keys]";

    public void Dispose()
    {
        ours.Dispose();
        peers.Dispose();
    }
}
