using System.Net;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads what <c>cluster.yaml</c> says about STIR/SHAKEN: <c>stir</c> of the cluster, of a trunk, and of its way out. What each key means: docs/operations.md, "STIR/SHAKEN".</summary>
/// <param name="folder">To which files are relative.</param>
/// <param name="isEdge">Whether this node verifies and signs: else the files need not be here.</param>
internal sealed class StirReader(string folder, bool isEdge)
{
    private const string Authorities = "trusted_cas";
    private const string CertificateUrl = "certificate_url";
    private const string Key = "key";
    private const string Missing = "missing";

    private static readonly Dictionary<string, StirPolicy> s_policies = new(StringComparer.Ordinal)
    {
        ["off"] = StirPolicy.Off,
        ["mark"] = StirPolicy.Mark,
        ["downgrade"] = StirPolicy.Downgrade,
        ["reject"] = StirPolicy.Reject,
    };

    private static readonly Dictionary<string, bool> s_missing = new(StringComparer.Ordinal) { ["allow"] = false, ["reject"] = true };

    private static readonly Dictionary<string, Attestation> s_attestations = new(StringComparer.Ordinal) { ["A"] = Attestation.A, ["B"] = Attestation.B, ["C"] = Attestation.C };

    /// <summary>Of the cluster.</summary>
    public StirOptions ReadOptions(YamlMap map)
    {
        var options = new StirOptions
        {
            AuthorityFile = FileOf(map, Authorities, "a PEM file of certificates", file => StirFiles.Certificates(file) is not null),
            CrlFiles = map.Texts("crls", "a file with a revocation list, PEM or DER", text => Path.GetFullPath(text, folder) is var file && (!isEdge || StirFiles.IsRevocationList(file)) ? file : null),
            TrustedAddresses = map.List("trusted_addresses", "a network such as 192.0.2.0/24", text => IPNetwork.TryParse(text, out var network) ? network : (IPNetwork?)null, required: false),
            WebAuthorityFile = FileOf(map, "web_ca", "a PEM file of certificates", file => StirFiles.Certificates(file) is not null),
        };
        if (options.AuthorityFile is null && map.Keys.Any() && !map.Has(Authorities)) map.Report(Authorities, "nobody is trusted", "a PEM file of the authorities whose certificates callers' providers have");
        map.Done();
        return options;
    }

    /// <summary>Of a trunk.</summary>
    public static TrunkStir ReadTrunk(YamlMap map, string? region)
    {
        var stir = new TrunkStir
        {
            Policy = map.Choice("verify", s_policies, StirPolicy.Mark),
            MustHaveIdentity = map.Choice(Missing, s_missing, false),
            Numbers = map.Texts("numbers", "a number in E.164 such as +493012345678", text => NumberPlan.E164(text, region)?.TrimStart('+')).ToHashSet(StringComparer.Ordinal),
        };
        if (stir is { Policy: StirPolicy.Off, MustHaveIdentity: true }) map.Report(Missing, "nothing is asked for", "verify: mark, downgrade or reject beside it");
        map.Done();
        return stir;
    }

    /// <summary>Of a way out.</summary>
    public SigningSettings ReadSigning(YamlMap map, string trunk)
    {
        var settings = new SigningSettings(
            FileOf(map, Key, "a PEM file with a private key", _ => true) ?? "",
            map.Text(CertificateUrl, "a URL such as https://stir.example.net/ivr.pem", valid: IsCertificateUrl),
            map.Choice("attest", s_attestations, Attestation.A),
            $"the way out of trunk {trunk}");
        if (!map.Has(Key)) map.Report(Key, "missing key", "a PEM file with a private key");
        map.Done();
        return settings;
    }

    /// <summary>What could never work.</summary>
    public static void FindContradictions(YamlMap root, ClusterFile cluster)
    {
        if (cluster.Stir.AuthorityFile is null && cluster.Tenants.SelectMany(tenant => tenant.Trunks).FirstOrDefault(trunk => trunk.Stir.Policy != StirPolicy.Off) is { } trunk)
            root.Report("stir", $"trunk '{trunk.Name}' verifies callers, and nobody is trusted", "trusted_cas in it: a PEM file of authorities");
    }

    /// <summary>Whether a call shows a number as its origin, which is what is signed.</summary>
    public static bool IsNumber(string? shown) => shown is { Length: > 0 } && shown.AsSpan(shown[0] == '+' ? 1 : 0) is { Length: > 0 and <= 15 } digits && !digits.ContainsAnyExceptInRange('0', '9');

    private static bool IsCertificateUrl(string text) =>
        text.Length <= 512 && Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps && url is { UserInfo.Length: 0, Fragment.Length: 0, Host.Length: > 0 }
        && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.AsSpan().ContainsAny("<>\"\\");

    private string? FileOf(YamlMap map, string key, string expected, Func<string, bool> isOne)
    {
        var path = map.File(key, folder, expected, isEdge);
        if (isEdge && File.Exists(path) && !isOne(path)) map.Report(key, "no certificate", expected);
        return path;
    }
}

/// <summary>How the calls of a trunk are signed. The key is read when the cluster starts.</summary>
internal sealed record SigningSettings(string KeyFile, string CertificateUrl, Attestation Attestation, string Purpose)
{
    /// <exception cref="MissingSecretException">There is no such key.</exception>
    public StirSigner ToSigner() =>
        new(StirFiles.SigningKey(KeyFile) ?? throw new MissingSecretException($"The key that signs calls of {Purpose} cannot be read from file '{KeyFile}', or is no private key on P-256."), CertificateUrl, Attestation);
}
