namespace IvrActors.Silo.Cluster;

/// <summary>How a node proves to others who it is, and whom it believes. Full paths; whether the files are there is looked at by the node that uses them.</summary>
/// <param name="AuthorityFile">PEM: the CA whose nodes are believed, and while it is being replaced the old and the new one.</param>
/// <param name="CertificateFile">PEM: the node's certificate first, then those between it and the CA.</param>
/// <param name="KeyFile">PEM, PKCS#8, not encrypted.</param>
/// <param name="RevokedFile">PEM: the CA's list of certificates that count no more; null: all count until they expire.</param>
internal sealed record NodeTlsSettings(string AuthorityFile, string CertificateFile, string KeyFile, string? RevokedFile = null);

/// <summary>Reads <c>node_tls</c> of a node's entry.</summary>
internal static class NodeTlsReader
{
    private const string Key = "node_tls";

    /// <param name="node">The entry that may hold the key.</param>
    /// <param name="folder">Of <c>cluster.yaml</c>.</param>
    /// <returns>Null: the node speaks to no other.</returns>
    public static NodeTlsSettings? Read(YamlMap node, string folder)
    {
        if (!node.Has(Key)) return node.Absent<NodeTlsSettings>(Key);
        var map = node.Map(Key);
        var settings = new NodeTlsSettings(FileOf("ca"), FileOf("certificate"), FileOf("key"), map.Has("revoked") ? FileOf("revoked") : map.Absent<string>("revoked"));
        map.Done();
        return settings;

        string FileOf(string key) => Path.GetFullPath(map.Text(key, "a PEM file"), folder);
    }
}
