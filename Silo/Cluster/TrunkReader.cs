using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies.Risk;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads one trunk of <c>cluster.yaml</c> and finds what contradicts itself in it. What each key means and why its default is what it is: docs/operations.md, "Trunks".</summary>
/// <param name="folder">To which files are relative.</param>
/// <param name="isEdge">Whether this node calls and is called, and so has passwords and certificates of trunks.</param>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class TrunkReader(string folder, bool isEdge, LimitSettings limits, Action<YamlMap, string, string, string> weak)
{
    private const string PasswordFile = "password_file";
    private const string PasswordVariable = "password_variable";

    private static readonly Dictionary<string, ToneKeys> s_tones = new(StringComparer.Ordinal)
    {
        ["without_events"] = ToneKeys.WithoutEvents,
        ["always"] = ToneKeys.Always,
        ["never"] = ToneKeys.Never,
    };

    private static readonly Dictionary<string, SrtpPolicy> s_srtp = new(StringComparer.Ordinal)
    {
        ["required"] = SrtpPolicy.Required,
        ["preferred"] = SrtpPolicy.Preferred,
        ["off"] = SrtpPolicy.Off,
    };

    private static readonly Dictionary<string, SrtpOffers> s_offers = new(StringComparer.Ordinal)
    {
        ["sdes"] = SrtpOffers.Sdes,
        ["dtls"] = SrtpOffers.Dtls,
    };

    private static readonly Dictionary<string, DigestMd5> s_md5 = new(StringComparer.Ordinal)
    {
        ["false"] = DigestMd5.Never,
        ["true"] = DigestMd5.Second,
        ["only"] = DigestMd5.Only,
    };

    public TrunkSettings Read(YamlMap map)
    {
        var name = map.Name("name");
        var region = map.OptionalText("region", "a country such as DE", NumberPlan.IsRegion);
        var trunk = new TrunkSettings
        {
            Name = name,
            From = map.List("from", "a network such as 192.0.2.0/24", text => IPNetwork.TryParse(text, out var network) ? network : (IPNetwork?)null, required: false),
            Tls = Below(map, "tls", ReadTls),
            Digest = Below(map, "digest", below => ReadDigest(below, name)),
            Registrar = Below(map, "registrar", ReadRegistrar),
            Outbound = Below(map, "outbound", below => ReadOutbound(below, name)),
            Destinations = map.Texts("destinations", "a prefix such as +49 or an address such as sip:agent@pbx.example", DestinationRule.Parse),
            Codecs = ReadCodecs(map),
            Srtp = map.Choice("srtp", s_srtp, SrtpPolicy.Required),
            SrtpSuites = ReadSuites(map),
            SrtpOffers = map.Choice("srtp_offers", s_offers, SrtpOffers.Sdes),
            TrustsCallerIdentity = map.Flag("trusts_caller_identity", false),
            SdesWithoutTls = map.Flag("sdes_without_tls", false),
            Tones = map.Choice("tones", s_tones, ToneKeys.WithoutEvents),
            Location = map.Has("location") ? RiskReader.ReadLocation(map.Map("location")) : map.Absent<GeoPoint?>("location"),
            Stir = Below(map, "stir", below => StirReader.ReadTrunk(below, region)) ?? TrunkStir.Off,
            Region = region,
            Limit = LimitReader.ReadOwn(map, limits.Trunk, limits.Cluster),
            Ping = map.OptionalTime("ping"),
        };
        FindContradictions(map, trunk);
        if (trunk.SrtpOffers == SrtpOffers.Dtls) FindContradictionsOfDtls(map, trunk);
        FindWeakness(map, trunk);
        map.Done();
        return trunk;
    }

    private TrunkTls ReadTls(YamlMap map)
    {
        var tls = new TrunkTls
        {
            Identities = map.Texts("identities", "a SIP domain such as sip.carrier.example", text => IsDomain(text) ? text : null, required: true),
            AuthorityFile = map.File("ca", folder, "a PEM file of certificates", isEdge),
        };
        if (isEdge && tls.AuthorityFile is { } file && !HoldsCertificates(file)) map.Report("ca", "no certificate", "a PEM file of certificates");
        map.Done();
        return tls;
    }

    private DigestSettings ReadDigest(YamlMap map, string trunk)
    {
        var accounts = map.File("accounts", folder, "a file of user:password lines", isEdge);
        var digest = new DigestSettings
        {
            Realm = map.Text("realm", "a realm such as ivr.example", valid: IsRealm),
            Accounts = accounts is null ? null : new AccountFile(accounts, $"trunk {trunk}"),
            User = map.OptionalText("user", "letters, digits and -_.+", AccountFile.IsUser),
            Password = ReadPassword(map, $"trunk {trunk}"),
            Md5 = map.Choice("md5", s_md5, DigestMd5.Never),
            WithoutTls = map.Flag("without_tls", false),
            Operators = map.Flag("operators", false),
        };
        if (digest.User is not null && digest.Accounts is not null) map.Report("user", "two kinds of accounts", "either user with its password, or accounts");
        if (digest.User is null && digest.Accounts is null && !digest.Operators) map.Report("user", "no accounts", "either user with its password, or accounts, or operators: true");
        if (digest.Operators && digest.Md5 == DigestMd5.Only) map.Report("md5", "operators could not call", "false or true: the dashboard's phone answers SHA-256");
        if (digest.User is not null && digest.Password is null) map.Report("user", "no password", "password_file or password_variable");
        if (digest.User is null && digest.Password is not null) map.Report("accounts", "a password of nobody", "user beside it");
        map.Done();
        return digest;
    }

    private TrunkRegistrar ReadRegistrar(YamlMap map)
    {
        var usual = new TrunkRegistrar();
        var registrar = new TrunkRegistrar
        {
            Users = map.Texts("users", "letters, digits and -_.+", text => AccountFile.IsUser(text) ? text : null),
            MostContacts = map.Number("contacts", 1, 16, usual.MostContacts),
            LeastExpires = map.Time("min_expires", usual.LeastExpires),
            MostExpires = map.Time("max_expires", usual.MostExpires),
        };
        if (registrar.MostExpires < registrar.LeastExpires) map.Report("max_expires", "bad value", "a time not below min_expires");
        // RFC 3261 10.3: 423 may be sent only for what is asked below one hour.
        if (registrar.LeastExpires > TimeSpan.FromHours(1)) map.Report("min_expires", "bad value", "a time of at most 1h (RFC 3261 10.3)");
        if (registrar.MostExpires > TimeSpan.FromDays(1)) map.Report("max_expires", "bad value", "a time of at most 1d: a phone that is gone is called in vain until then");
        map.Done();
        return registrar;
    }

    private OutboundSettings ReadOutbound(YamlMap map, string trunk)
    {
        const string expected = "a SIP URI without user such as sip:sip.carrier.example;transport=tls";
        var text = map.Text("proxy", expected, valid: uri => ProxyOf(uri) is not null);
        var proxy = ProxyOf(text) ?? ProxyOf("sips:invalid.invalid")!;
        var outbound = new OutboundSettings
        {
            Proxy = proxy,
            User = map.OptionalText("user", "letters, digits and -_.+", AccountFile.IsUser),
            Password = ReadPassword(map, $"the way out of trunk {trunk}"),
            Realm = map.OptionalText("realm", "a realm such as carrier.example", IsRealm),
            Md5 = map.Flag("md5", false),
            Register = map.Flag("register", false),
            Expires = map.Time("expires", TimeSpan.FromHours(1)),
            FromDomain = map.Text("from_domain", "a domain such as carrier.example", proxy.Host, IsDomain),
            CallerId = map.OptionalText("caller_id", "a number such as +49301234567 or a user part", AccountFile.IsUser),
            Signing = Below(map, "stir", below => new StirReader(folder, isEdge).ReadSigning(below, trunk)),
        };
        if (outbound.Signing is not null && !StirReader.IsNumber(outbound.CallerId ?? outbound.User)) map.Report("stir", "no number to sign for", "caller_id beside it: a number such as +49301234567");
        if (outbound.User is null && outbound.Password is not null) map.Report("user", "a password of nobody", "user beside it");
        if (outbound.User is null && outbound.Register) map.Report("register", "nobody to register", "user beside it");
        if (outbound.Expires < TimeSpan.FromSeconds(60) || outbound.Expires > TimeSpan.FromDays(1)) map.Report("expires", "bad value", "a time from 1m to 1d");
        map.Done();
        return outbound;
    }

    private SecretSource? ReadPassword(YamlMap map, string purpose)
    {
        var file = map.File(PasswordFile, folder, "a file", isEdge);
        var variable = map.OptionalText(PasswordVariable, "the name of an environment variable", IsVariable);
        if (map.Has(PasswordFile) && map.Has(PasswordVariable)) map.Report(PasswordVariable, "two passwords", "either password_file or password_variable");
        return file is null && variable is null ? null : new SecretSource(file, variable, purpose);
    }

    private static IReadOnlyList<SdpCodec> ReadCodecs(YamlMap map)
    {
        var codecs = map.List("codecs", "pcmu, pcma or opus", text => text switch { "pcmu" => SdpCodec.Pcmu, "pcma" => SdpCodec.Pcma, "opus" => SdpCodec.Opus, _ => (SdpCodec?)null }, required: false);
        if (codecs.Distinct().Count() != codecs.Count) map.Report("codecs", "duplicate codec", "each codec once");
        return codecs.Count > 0 ? codecs : [SdpCodec.Pcmu, SdpCodec.Pcma];
    }

    private static IReadOnlyList<SrtpSuite> ReadSuites(YamlMap map)
    {
        var suites = map.Texts("srtp_suites", "one of " + string.Join(", ", SrtpSuite.All), text => SrtpSuite.All.FirstOrDefault(suite => suite.Name == text));
        if (suites.Distinct().Count() != suites.Count) map.Report("srtp_suites", "duplicate suite", "each suite once");
        return suites.Count > 0 ? suites : SrtpSuite.Usual;
    }

    private void FindContradictions(YamlMap map, TrunkSettings trunk)
    {
        if (trunk.From.Count == 0 && trunk.Tls is null && trunk.Digest is null && trunk.Outbound is null)
            map.Report("from", "nothing says who this trunk is", "at least one of from, tls, digest and outbound");
        if (trunk.Registrar is not null && trunk.Digest is null && trunk.Tls is null) map.Report("registrar", "anybody could register", "digest or tls beside it: an address proves no user");
        if (trunk.Registrar is { Users.Count: > 0 } && trunk.Digest is not null) map.Report("registrar", "two lists of users", "no users: with digest each account registers itself");
        if (trunk.Registrar is { Users.Count: 0 } && trunk.Digest is null && trunk.Tls is not null) map.Report("registrar", "nobody may register", "users: a certificate names a domain, and no user of it");
        if (trunk is { TrustsCallerIdentity: true, Digest.Operators: true }) map.Report("trusts_caller_identity", "an operator could call as any number", "false: the phone is in the operator's browser");
        if (trunk.Ping is not null && trunk.Outbound is null) map.Report("ping", "nobody to ask", "outbound beside it");
        if (trunk.Ping is { } ping && (ping < TimeSpan.FromSeconds(5) || ping > TimeSpan.FromHours(1))) map.Report("ping", "bad value", "a time from 5s to 1h");
        if (trunk.Destinations.Count > 0 && trunk.Outbound is null && trunk.Registrar is null) map.Report("destinations", "no way to them", "outbound or registrar beside it");
        if (trunk is { Outbound: { } outbound, Srtp: SrtpPolicy.Required, SdesWithoutTls: false } && !outbound.ToRoute().IsSecure)
            map.Report("outbound", "no call out can have the media encryption that srtp: required asks for", "a proxy with sips: or ;transport=tls, because media keys are sent in signalling");
    }

    private static void FindContradictionsOfDtls(YamlMap map, TrunkSettings trunk)
    {
        if (trunk.Srtp == SrtpPolicy.Off) map.Report("srtp_offers", "media encryption is off", "sdes, or srtp: required or preferred beside it");
        if (trunk.SrtpSuites.All(suite => suite.Profile is null || suite.HasShortTag))
            map.Report("srtp_offers", "no suite that DTLS has", "one of AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 in srtp_suites");
        // With srtp: required nothing could be offered at all, which is reported already.
        if (trunk is { Outbound: { } outbound, Srtp: SrtpPolicy.Preferred, SdesWithoutTls: false } && !outbound.ToRoute().IsSecure)
            map.Report("srtp_offers", "a fingerprint in clear signalling proves nothing, so none is offered", "a proxy with sips: or ;transport=tls");
    }

    private void FindWeakness(YamlMap map, TrunkSettings trunk)
    {
        if (trunk.Srtp == SrtpPolicy.Off) weak(map, "srtp", "media without encryption", "required");
        if (trunk.Srtp == SrtpPolicy.Preferred) weak(map, "srtp", "media that may go without encryption", "required");
        if (trunk.SrtpSuites.Any(suite => suite.HasShortTag)) weak(map, "srtp_suites", "media whose packets are authenticated by 32 bits", "suites that do not end in _32");
        if (trunk.SdesWithoutTls) weak(map, "sdes_without_tls", "media keys in clear signalling", "false");
        if (trunk.Digest?.WithoutTls == true) weak(map, "digest", "digest over clear signalling, where its answers can be tried against a word list", "without_tls: false");
        if (trunk.Outbound is { } outbound && !outbound.ToRoute().IsSecure) weak(map, "outbound", "signalling to the proxy in clear", "a proxy with sips: or ;transport=tls");
    }

    private static T? Below<T>(YamlMap map, string key, Func<YamlMap, T> read)
        where T : class => map.Has(key) ? read(map.Map(key)) : map.Absent<T>(key);

    private static bool HoldsCertificates(string file)
    {
        if (!File.Exists(file)) return true; // Reported already.
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(file);
            return certificates.Count > 0;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
        finally
        {
            foreach (var certificate in certificates) certificate.Dispose();
        }
    }

    private static SipUri? ProxyOf(string text) => SipUri.TryParse(text, out var uri) && uri is { IsSip: true, User: null, HasHeaders: false }
        && (uri.Parameters["transport"] ?? "udp").ToLowerInvariant() is var transport && transport is "udp" or "tcp" or "tls" or "ws" or "wss"
        && !(uri.Scheme == "sips" && transport == "udp" && uri.Parameters.Contains("transport")) ? uri : null;

    private static bool IsDomain(string text) => SipUri.TryParse("sip:" + text, out var uri) && uri.Host == text;

    private static bool IsRealm(string text) => text.Length <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ' ');

    private static bool IsVariable(string text) => text.Length <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
