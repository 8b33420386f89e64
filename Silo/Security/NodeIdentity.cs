using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Security;

/// <summary>
/// Who a node certificate says its holder is: one name, and a role for each URI <c>spiffe://ivr/ROLE/NAME</c> among its alternative names.
/// Says nothing of who signed it.
/// </summary>
internal sealed record NodeIdentity(string Name, NodeRoles Roles)
{
    private const string Domain = "spiffe://ivr/";

    /// <summary>A certificate with more names than this is no node's.</summary>
    private const int MostNames = 64;

    private static readonly Asn1Tag s_uri = new(TagClass.ContextSpecific, 6);

    public IEnumerable<string> Uris => NodeRoleNames.Of(Roles).Select(role => $"{Domain}{role}/{Name}");

    /// <summary>Null when it names no role, an unknown one, or two nodes: what is not understood gives no right.</summary>
    public static NodeIdentity? Of(X509Certificate2 certificate)
    {
        var extensions = certificate.Extensions.Where(extension => extension.Oid?.Value == "2.5.29.17").ToArray();
        try
        {
            return extensions.Length == 1 ? Of(UrisOf(extensions[0].RawData)) : null;
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }
    }

    private static NodeIdentity? Of(List<string>? uris)
    {
        string? name = null;
        var roles = NodeRoles.None;
        foreach (var uri in uris ?? [])
        {
            if (!uri.StartsWith(Domain, StringComparison.OrdinalIgnoreCase)) continue;
            var parts = uri[Domain.Length..].Split('/');
            if (!uri.StartsWith(Domain, StringComparison.Ordinal) || parts.Length != 2 || NodeRoleNames.RoleOf(parts[0]) is not (not NodeRoles.None and var role)) return null;
            if (!YamlMap.IsName(parts[1]) || parts[1] != (name ?? parts[1])) return null;
            (name, roles) = (parts[1], roles | role);
        }
        return name is null ? null : new NodeIdentity(name, roles);
    }

    private static List<string>? UrisOf(byte[] encoded)
    {
        List<string> uris = [];
        var reader = new AsnReader(encoded, AsnEncodingRules.DER);
        var names = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        for (var count = 0; names.HasData; count++)
        {
            if (count == MostNames) return null;
            if (names.PeekTag().HasSameClassAndValue(s_uri)) uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, s_uri));
            else names.ReadEncodedValue();
        }
        return uris;
    }
}
