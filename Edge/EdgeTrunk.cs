using System.Net;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge;

/// <summary>
/// A peer that calls come from or go to. It is known by its addresses, its certificate or its password; of these, all that are given must
/// hold. With none of them it is a way out only, and nothing comes in through it.
/// </summary>
public sealed class EdgeTrunk
{
    public required string Name { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Networks that it sends from; empty when its address proves nothing.</summary>
    public IReadOnlyList<IPNetwork> From { get; init; } = [];

    /// <summary>Demands a client certificate (mutual TLS).</summary>
    public TrunkTls? Tls { get; init; }

    /// <summary>Demands digest authentication.</summary>
    public TrunkDigest? Digest { get; init; }

    /// <summary>Takes REGISTER from it.</summary>
    public TrunkRegistrar? Registrar { get; init; }

    /// <summary>Where calls out of it go.</summary>
    public OutboundRoute? Outbound { get; init; }

    /// <summary>Where a call over it may go. Nothing that is not named here is ever dialled.</summary>
    public IReadOnlyList<DestinationRule> Destinations { get; init; } = [];

    /// <summary>Codecs in the order in which we offer them.</summary>
    public IReadOnlyList<SdpCodec> Codecs { get; init; } = [SdpCodec.Pcmu, SdpCodec.Pcma];

    /// <summary>Whether its P-Asserted-Identity is believed.</summary>
    public bool TrustsCallerIdentity { get; init; }

    /// <summary>What is done with the identity of its callers.</summary>
    public TrunkStir Stir { get; init; } = TrunkStir.Off;

    /// <summary>Whether SDES keys are accepted over signalling that is not TLS. Weak: only for tests and closed networks.</summary>
    public bool SdesWithoutTls { get; init; }

    public SrtpPolicy Srtp { get; init; } = SrtpPolicy.Required;

    /// <summary>Suites of SRTP in the order in which we offer them; of those in an offer the peer's order counts.</summary>
    public IReadOnlyList<SrtpSuite> SrtpSuites { get; init; } = SrtpSuite.Usual;

    /// <summary>How the keys of a call come that we offer encryption for; what peers offer may have either.</summary>
    public SrtpOffers SrtpOffers { get; init; }

    /// <summary>When keys are listened for in the audio.</summary>
    public ToneKeys Tones { get; init; }

    /// <summary>ISO 3166 code of the country in whose way its numbers are written (<c>030…</c>); null: only numbers with + are normalised.</summary>
    public string? Region { get; init; }

    /// <summary>What calls over it may be, in either direction and at all edges together.</summary>
    public LimitRule Limit { get; init; } = new();

    /// <summary>How often its proxy is asked by OPTIONS whether it lives; null: never.</summary>
    public TimeSpan? Ping { get; init; }

    /// <summary>Whether calls can come in through it.</summary>
    public bool IsIdentified => From.Count > 0 || Tls is not null || Digest is not null;

    /// <summary>Whether all that this trunk is known by holds for a peer, but for its password.</summary>
    public bool Fits(SipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (From.Count > 0 && !IsFrom(peer.EndPoint.Address)) return false;
        if (Digest is { WithoutTls: false } && !peer.IsSecure) return false;
        // The proxy's certificate on a connection of ours says who is there, as a client certificate on a connection of theirs.
        if (peer is { OpenedByUs: true, IsSecure: true } && peer.Entry == this) return true;
        return Tls is null ? IsIdentified : peer.Certified.Contains(this);
    }

    public bool IsFrom(IPAddress address)
    {
        foreach (var network in From)
        {
            if (network.Contains(address)) return true;
        }
        return false;
    }
}

/// <summary>Client certificates of a trunk (RFC 5922).</summary>
public sealed class TrunkTls
{
    /// <summary>SIP domains, one of which the certificate must be for (RFC 5922 7.1).</summary>
    public required IReadOnlyList<string> Identities { get; init; }

    /// <summary>PEM file of the authorities that may sign it; null: those that the system trusts.</summary>
    public string? AuthorityFile { get; init; }
}

/// <summary>Digest authentication of a trunk (RFC 3261 22, RFC 8760).</summary>
public sealed class TrunkDigest
{
    public required string Realm { get; init; }

    /// <summary>By user name.</summary>
    public required IReadOnlyDictionary<string, DigestAccount> Accounts { get; init; }

    /// <summary>Whether MD5 is offered after SHA-256.</summary>
    public bool Md5 { get; init; }

    /// <summary>Whether it is offered alone: many a phone stops at the first challenge that it does not know (RFC 8760 2.3 has it go on).</summary>
    public bool OnlyMd5 { get; init; }

    /// <summary>Whether it is served over transports that are not TLS. Weak: what is sent there can be tried against a word list.</summary>
    public bool WithoutTls { get; init; }

    /// <summary>Finds what a user name that is no account's may stand for at this moment; null: nothing.</summary>
    public Func<string, DigestPass?>? Passes { get; init; }

    /// <summary>The account of this name, and the pass that it is of; null when there is none now.</summary>
    internal (DigestAccount Account, DigestPass? Pass)? Find(string user)
    {
        if (Accounts.TryGetValue(user, out var account)) return (account, null);
        return Passes?.Invoke(user) is { } pass ? (pass.Account, pass) : null;
    }
}

/// <summary>An account for one INVITE.</summary>
/// <param name="Id">By which it is known that it was used.</param>
public sealed record DigestPass(DigestAccount Account, UInt128 Id);

/// <summary>What a trunk may register with us (RFC 3261 10).</summary>
public sealed class TrunkRegistrar
{
    /// <summary>User parts that may be registered by a trunk that is known by its certificate; with digest each account registers itself.</summary>
    public IReadOnlyList<string> Users { get; init; } = [];

    public int MostContacts { get; init; } = 2;

    public TimeSpan LeastExpires { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan MostExpires { get; init; } = TimeSpan.FromHours(1);
}

/// <summary>The way out of a trunk.</summary>
public sealed class OutboundRoute
{
    /// <summary>Where its requests are sent (RFC 3263).</summary>
    public required SipUri Proxy { get; init; }

    /// <summary>User part of our address of record, and user name of digest; null where the trunk knows us otherwise.</summary>
    public string? User { get; init; }
    public Secret<char>? Password { get; init; }

    /// <summary>The only realm whose challenge is answered; null: that of the first challenge.</summary>
    public string? Realm { get; init; }

    /// <summary>Whether an MD5 challenge is answered.</summary>
    public bool Md5 { get; init; }

    public bool Register { get; init; }

    /// <summary>What is asked for when registering.</summary>
    public TimeSpan Expires { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Domain of our address of record and of From.</summary>
    public required string FromDomain { get; init; }

    /// <summary>Number or user part that calls show as their origin; null: <see cref="User"/>, else anonymous.</summary>
    public string? CallerId { get; init; }

    /// <summary>Signs its calls; null: they are not signed.</summary>
    public StirSigner? Signer { get; init; }

    /// <summary>Whether every request to the proxy goes over TLS.</summary>
    public bool IsSecure => Proxy.Scheme == "sips" || string.Equals(Proxy.Parameters["transport"], "tls", StringComparison.OrdinalIgnoreCase)
        || string.Equals(Proxy.Parameters["transport"], "wss", StringComparison.OrdinalIgnoreCase);
}

public enum SrtpPolicy
{
    Required = 0,
    Preferred = 1,
    Off = 2,
}

/// <summary>What an offer of ours says of SRTP's keys. One of both: a section is of one protocol, and a second one would be a second stream to peers that know no grouping.</summary>
public enum SrtpOffers
{
    /// <summary>Keys in SDP (RFC 4568), which telephones, PBXs and carriers take.</summary>
    Sdes = 0,

    /// <summary>A fingerprint, and ICE beside it (RFC 8842, 8839): the only ones that browsers take.</summary>
    Dtls = 1,
}

/// <summary>When keys are heard in the audio (in-band, ITU-T Q.23). Never from who sent an RFC 4733 event.</summary>
public enum ToneKeys
{
    /// <summary>When telephone-event was not agreed: nothing better can come.</summary>
    WithoutEvents = 0,

    /// <summary>Also when it was: for gateways that agree to it and send tones all the same.</summary>
    Always = 1,
    Never = 2,
}
