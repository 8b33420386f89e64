using System.Net;
using System.Security.Cryptography;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Edges;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Trunks;

/// <summary>All trunks of an edge: who may come in, how many calls each has, who is registered with us and with whom we are. The signalling thread's.</summary>
internal sealed partial class TrunkDesk : IAuthenticationObserver
{
    private const int KeyBytes = 32;

    /// <summary>How long a stopping edge waits for registrars that take its contact back.</summary>
    private static readonly long s_mostEnding = TimeSpan.FromSeconds(2).Ticks;

    /// <summary>While this edge takes no calls, it is not registered anew; it looks again this often.</summary>
    private static readonly long s_pause = TimeSpan.FromMilliseconds(500).Ticks;

    private readonly EdgeOptions _options;
    private readonly SipTransports _transports;
    private readonly TrunkTable _table;
    private readonly ISipLocator _locator;
    private readonly ISourceReputation _reputation;
    private readonly EdgeReadiness _readiness;
    private readonly TimeProvider _time;
    private readonly ILogger<TrunkDesk> _log;
    private readonly Dictionary<EdgeTrunk, TrunkCalls> _calls;
    private readonly Dictionary<EdgeTrunk, TrunkAgent> _agents = [];
    private Action<Action<long>> _post = _ => { };
    private long _notBefore;
    private long _endBy = SipTimes.Never;

    public TrunkDesk(EdgeOptions options, SipTransports transports, TrunkTable table, ISipLocator locator, ISourceReputation reputation, EdgeReadiness readiness, EdgeLimits limits,
        TimeProvider time, ILogger<TrunkDesk> log)
    {
        (_options, _transports, _table, _locator, _reputation, _readiness, _time, _log) = (options, transports, table, locator, reputation, readiness, time, log);
        _calls = options.Trunks.ToDictionary(trunk => trunk, trunk => new TrunkCalls(trunk, limits));
    }

    /// <summary>Phones that registered with us.</summary>
    public Registrar Registrar { get; } = new(TokenSource.Next);

    public long NextDeadline
    {
        get
        {
            if (_endBy != SipTimes.Never) return IsEnding ? _endBy : SipTimes.Never;
            var next = SipTimes.Never;
            foreach (var agent in _agents.Values) next = Math.Min(next, agent.NextDeadline);
            return next == SipTimes.Never ? next : Math.Max(next, _notBefore);
        }
    }

    /// <summary>Whether a registrar has not answered yet that it takes our contact back.</summary>
    public bool IsEnding => _agents.Values.Any(agent => agent.IsEnding);

    /// <summary>Takes its place at the user agent.</summary>
    /// <param name="post">Has something done on the signalling thread.</param>
    public void Attach(UserAgent agent, Action<Action<long>> post)
    {
        _post = post;
        var digest = new DigestGuard(_options.Trunks, _options.UnknownSources, RandomNumberGenerator.GetBytes(KeyBytes), RandomNumberGenerator.Fill, this);
        agent.Guard = new SourceGuard(digest, _reputation);
        if (_options.Trunks.Any(trunk => trunk.Registrar is not null)) agent.Servers[SipMethods.Register] = new CountedRegistrar(Registrar, _readiness);
        var world = new TrunkAgentWorld
        {
            Agent = agent,
            Locate = Locate,
            Contact = (peer, route) => _transports.Address.ContactFor(peer, route.Proxy.Scheme == "sips").Replace(":ivr@", $":{route.User}@", StringComparison.Ordinal),
            NewToken = TokenSource.Next,
            Random = Random.Shared.NextDouble,
        };
        foreach (var trunk in _options.Trunks.Where(trunk => trunk.Outbound is not null)) _agents[trunk] = new TrunkAgent(trunk, world);
    }

    /// <summary>Finds the hops of a trunk, best first, and hands them in on the signalling thread; none when there are none.</summary>
    public void Locate(EdgeTrunk trunk, Action<long, IReadOnlyList<SipPeer>> then) => ThreadPool.UnsafeQueueUserWorkItem(_ => _ = Locate(trunk, then, _post), null);

    public TrunkCalls CallsOf(EdgeTrunk trunk) => _calls[trunk];

    /// <summary>Whether a call of this peer is counted where it comes in. Who needs a password is not known there.</summary>
    public static bool IsCounted(SipPeer peer) => peer.Entry == peer.Trunk && peer.Trunk.Digest is null && peer.Trunk.Fits(peer);

    /// <summary>A peer called a number that is not there. What was signed with a password for a nonce of ours is nobody else's doing.</summary>
    public void CalledInVain(SipPeer peer) => _reputation.Offend(peer.EndPoint.Address, SourceOffence.UnknownNumber, peer.Reliable || peer.Trunk.Digest is not null);

    /// <summary>A peer showed that it is there and honest.</summary>
    public void Vouch(SipPeer peer) => _reputation.Vouch(peer.EndPoint.Address);

    /// <summary>What answers challenges of this trunk, which has a way out.</summary>
    public IChallengeResponder CredentialsOf(EdgeTrunk trunk) => _agents[trunk].Credentials;

    /// <summary>As above; null where it has none.</summary>
    public IChallengeResponder? CredentialsIn(EdgeTrunk trunk) => _agents.GetValueOrDefault(trunk)?.Credentials;

    /// <summary>Hops of a trunk's proxy, best first. Not for the signalling thread.</summary>
    public async Task<IReadOnlyList<SipPeer>> Hops(EdgeTrunk trunk)
    {
        var route = trunk.Outbound!;
        var locations = await _locator.Locate(route.Proxy);
        // Whatever DNS says, what is to be encrypted does not leave in clear.
        if (route.IsSecure) locations = [.. locations.Where(location => location.Transport is SipTransport.Tls or SipTransport.Wss)];
        foreach (var location in locations) _table.Learn(trunk, location.EndPoint.Address);
        return new TrunkHops(_transports, trunk, locations);
    }

    public void Tick(long now)
    {
        if (_endBy != SipTimes.Never)
        {
            if (now >= _endBy) _agents.Clear();
            return;
        }
        if (now < _notBefore) return;
        if (!_readiness.TakesCalls)
        {
            _notBefore = now + s_pause;
            return;
        }
        foreach (var agent in _agents.Values)
        {
            if (agent.NextDeadline <= now) agent.Tick(now);
        }
    }

    /// <summary>Takes all registrations back, so that no carrier sends calls any more.</summary>
    public void End(long now)
    {
        if (_endBy == SipTimes.Never) _endBy = now + s_mostEnding;
        foreach (var agent in _agents.Values) agent.End(now);
    }

    public List<TrunkSummary> Summaries(long now)
    {
        var contacts = Registrar.Sweep(now);
        return [.. _options.Trunks.Select(trunk => Summary(now, trunk, contacts.GetValueOrDefault(trunk)))];
    }

    void IAuthenticationObserver.Authenticated(IPAddress source, AuthenticationResult result)
    {
        TrunkMetrics.Authenticated(result);
        // Who answers a nonce that went to this very address is there; the others may be forged.
        if (result == AuthenticationResult.Accepted) _reputation.Vouch(source);
        else if (result is AuthenticationResult.Failed or AuthenticationResult.Forged) _reputation.Offend(source, SourceOffence.DigestFailed, proven: result == AuthenticationResult.Failed);
        else if (result == AuthenticationResult.Malformed) _reputation.Offend(source, SourceOffence.Malformed, proven: false);
    }

    private TrunkSummary Summary(long now, EdgeTrunk trunk, int contacts)
    {
        if (trunk.Registrar is not null) TrunkMetrics.Contacts.WithLabels(trunk.Name).Set(contacts);
        var agent = _agents.GetValueOrDefault(trunk);
        var registration = agent?.Registration;
        if (registration is not null) TrunkMetrics.Registered.WithLabels(trunk.Name).Set(registration.RegisteredUntil > now ? 1 : 0);
        if (agent?.Health is { State: not TrunkProxy.Unknown } health) TrunkMetrics.ProxyUp.WithLabels(trunk.Name).Set(health.State == TrunkProxy.Up ? 1 : 0);
        return new TrunkSummary
        {
            Tenant = trunk.Tenant,
            Trunk = trunk.Name,
            Calls = _calls[trunk].Active,
            Registration = registration?.State ?? TrunkRegistration.None,
            RegisteredUntil = registration?.RegisteredUntil > now ? At(now, registration.RegisteredUntil) : null,
            FailingSince = registration?.FailingSince > 0 ? At(now, registration.FailingSince) : null,
            LastStatus = registration?.LastStatus ?? 0,
            Proxy = agent?.Health?.State ?? TrunkProxy.Unknown,
            Contacts = contacts,
        };
    }

    private DateTimeOffset At(long now, long ticks) => _time.GetUtcNow() + TimeSpan.FromTicks(ticks - now);

    private async Task Locate(EdgeTrunk trunk, Action<long, IReadOnlyList<SipPeer>> then, Action<Action<long>> post)
    {
        IReadOnlyList<SipPeer> hops = [];
        try
        {
            hops = await Hops(trunk);
        }
#pragma warning disable CA1031 // Whatever it is, the trunk is tried again later, and the edge goes on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            NotFound(_log, trunk.Name, e.GetType().Name);
        }
        post(now => then(now, hops));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the proxy of trunk {Trunk} was not found: {Error}")]
    private static partial void NotFound(ILogger log, string trunk, string error);

    private sealed class CountedRegistrar(Registrar registrar, EdgeReadiness readiness) : IRequestServer
    {
        public SipResponse Answer(long now, SipRequest request, SipPeer peer)
        {
            // Who registers at a draining edge would be called there: it is sent to another. Who leaves may.
            var response = readiness.IsDraining && !IsLeaving(request) ? Elsewhere(request) : registrar.Answer(now, request, peer);
            TrunkMetrics.Registering(response.Status);
            return response;
        }

        private static bool IsLeaving(SipRequest register) =>
            register.Headers.First(SipHeaderNames.Expires) == "0" || (register.Contacts.Count > 0 && register.Contacts.All(contact => contact.Parameters["expires"] == "0"));

        private static SipResponse Elsewhere(SipRequest register)
        {
            var response = SipResponses.For(register, 503, TokenSource.Next());
            response.Headers.Add("Retry-After", "300");
            return response;
        }
    }
}
