using System.Net;
using IvrActors.Edge;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Policies.Risk;

namespace IvrActors.Silo.Cluster;

/// <summary>A trunk as <c>cluster.yaml</c> says it. Its passwords are not read before <see cref="ToEdge"/>.</summary>
internal sealed class TrunkSettings
{
    public required string Name { get; init; }
    public required IReadOnlyList<IPNetwork> From { get; init; }
    public TrunkTls? Tls { get; init; }
    public DigestSettings? Digest { get; init; }
    public TrunkRegistrar? Registrar { get; init; }
    public OutboundSettings? Outbound { get; init; }
    public required IReadOnlyList<DestinationRule> Destinations { get; init; }
    public required IReadOnlyList<SdpCodec> Codecs { get; init; }
    public required SrtpPolicy Srtp { get; init; }
    public required IReadOnlyList<SrtpSuite> SrtpSuites { get; init; }
    public required SrtpOffers SrtpOffers { get; init; }
    public required bool TrustsCallerIdentity { get; init; }
    public required bool SdesWithoutTls { get; init; }
    public required ToneKeys Tones { get; init; }
    public string? Region { get; init; }

    /// <summary>Where its calls are taken in.</summary>
    public GeoPoint? Location { get; init; }

    /// <summary>A limit of its own instead of the table's.</summary>
    public RateLimit? Calls { get; init; }
    public int? CallsAtOnce { get; init; }
    public TimeSpan? Ping { get; init; }

    /// <summary>What grains know of its way out; null where there is none.</summary>
    public WayOut? ToWayOut() => Outbound is null ? null : new WayOut { Prefixes = [.. Destinations.Select(rule => rule.Prefix).OfType<string>()], Region = Region };

    public TrunkPolicy ToPolicy(RateLimit usualCalls) => new()
    {
        Name = Name,
        Calls = Calls ?? usualCalls,
        // Whoever only has a password calls from an address of their own; all others from the trunk's.
        IsCarrier = From.Count > 0 || Tls is not null || Digest is null,
        Location = Location,
        WayOut = ToWayOut(),
    };

    /// <exception cref="MissingSecretException">A password that it needs is not there.</exception>
    /// <param name="passes">Finds the pass that a user name of a realm is.</param>
    public EdgeTrunk ToEdge(string tenant, RateLimit usualCalls, Func<string, string, DigestPass?>? passes = null) => new()
    {
        Name = Name,
        Tenant = tenant,
        From = From,
        Tls = Tls,
        Digest = Digest?.ToEdge(passes),
        Registrar = Registrar,
        Outbound = Outbound?.ToEdge(),
        Destinations = Destinations,
        Codecs = Codecs,
        Srtp = Srtp,
        SrtpSuites = SrtpSuites,
        SrtpOffers = SrtpOffers,
        TrustsCallerIdentity = TrustsCallerIdentity,
        SdesWithoutTls = SdesWithoutTls,
        Tones = Tones,
        Region = Region,
        Calls = Calls ?? usualCalls,
        CallsAtOnce = CallsAtOnce,
        Ping = Ping,
    };
}

/// <summary>Whether phones are offered MD5.</summary>
internal enum DigestMd5
{
    Never,

    /// <summary>After SHA-256.</summary>
    Second,

    /// <summary>Alone.</summary>
    Only,
}

/// <summary>Either one account or a file of them, or none where operators call.</summary>
internal sealed class DigestSettings
{
    public required string Realm { get; init; }
    public required string? User { get; init; }
    public required SecretSource? Password { get; init; }
    public required AccountFile? Accounts { get; init; }
    public required DigestMd5 Md5 { get; init; }
    public required bool WithoutTls { get; init; }

    /// <summary>Whether the dashboard's phone page calls as this trunk.</summary>
    public required bool Operators { get; init; }

    /// <exception cref="MissingSecretException">A password is not there.</exception>
    public TrunkDigest ToEdge(Func<string, string, DigestPass?>? passes = null)
    {
        var accounts = new Dictionary<string, DigestAccount>(StringComparer.Ordinal);
        foreach (var (user, password) in Accounts?.Read() ?? (User is null ? [] : [(User, Password!.Read())]))
        {
            using (password) accounts[user] = new DigestAccount(user, Realm, password.Expose(), Md5 != DigestMd5.Never);
        }
        return new TrunkDigest
        {
            Realm = Realm,
            Accounts = accounts,
            Md5 = Md5 != DigestMd5.Never,
            OnlyMd5 = Md5 == DigestMd5.Only,
            WithoutTls = WithoutTls,
            Passes = Operators && passes is not null ? user => passes(Realm, user) : null,
        };
    }
}

internal sealed class OutboundSettings
{
    public required SipUri Proxy { get; init; }
    public required string? User { get; init; }
    public required SecretSource? Password { get; init; }
    public required string? Realm { get; init; }
    public required bool Md5 { get; init; }
    public required bool Register { get; init; }
    public required TimeSpan Expires { get; init; }
    public required string FromDomain { get; init; }
    public required string? CallerId { get; init; }

    /// <exception cref="MissingSecretException">The password is not there.</exception>
    public OutboundRoute ToEdge() => ToRoute(Password?.Read());

    public OutboundRoute ToRoute(Secret<char>? password = null) => new()
    {
        Proxy = Proxy,
        User = User,
        Password = password,
        Realm = Realm,
        Md5 = Md5,
        Register = Register,
        Expires = Expires,
        FromDomain = FromDomain,
        CallerId = CallerId,
    };
}
