using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Trunks;

/// <summary>What a trunk agent needs of the edge around it.</summary>
internal sealed class TrunkAgentWorld
{
    public required UserAgent Agent { get; init; }

    /// <summary>Finds the hops of a trunk off the signalling thread and hands them in on it; an empty list when there are none.</summary>
    public required Action<EdgeTrunk, Action<long, IReadOnlyList<SipPeer>>> Locate { get; init; }

    /// <summary>Our Contact for requests to this peer.</summary>
    public required Func<SipPeer, OutboundRoute, string> Contact { get; init; }
    public required Func<string> NewToken { get; init; }
    public required Func<double> Random { get; init; }
}

/// <summary>The way out of one trunk: keeps us registered and asks whether the proxy lives. The signalling thread's.</summary>
internal sealed class TrunkAgent
{
    private readonly TrunkAgentWorld _world;
    private readonly EdgeTrunk _trunk;
    private bool _ended;

    public TrunkAgent(EdgeTrunk trunk, TrunkAgentWorld world)
    {
        (_trunk, _world) = (trunk, world);
        var route = trunk.Outbound!;
        Credentials = new TrunkCredentials(trunk, world.NewToken);
        if (route.Register) Registration = new RegistrationClient(route, world.NewToken(), world.NewToken(), world.Random);
        if (trunk.Ping is { } ping) Health = new TrunkHealth(route, ping, world.NewToken(), world.NewToken(), world.Random);
    }

    public TrunkCredentials Credentials { get; }

    public RegistrationClient? Registration { get; }

    public TrunkHealth? Health { get; }

    /// <summary>Whether a request that takes a registration back has no answer yet.</summary>
    public bool IsEnding { get; private set; }

    public long NextDeadline => Math.Min(Registration?.NextDeadline ?? SipTimes.Never, Health?.NextDeadline ?? SipTimes.Never);

    public void Tick(long now)
    {
        if (Registration is { } registration && registration.NextDeadline <= now)
        {
            registration.Await(now);
            Send(hops => registration.Begin(_world.Contact(hops[0], _trunk.Outbound!)), registration.Answered);
        }
        if (Health is not { } health || health.NextDeadline > now) return;
        health.Await(now);
        Send(_ => health.Begin(), health.Answered);
    }

    /// <summary>Takes the registration back and asks no more.</summary>
    public void End(long now)
    {
        if (_ended) return;
        _ended = true;
        Health?.End();
        if (Registration?.End(now) is not { } request) return;
        IsEnding = true;
        _world.Locate(_trunk, (at, hops) =>
        {
            if (hops.Count == 0) IsEnding = false;
            else _world.Agent.Request(at, request, hops, Credentials, (_, _, _) => IsEnding = false);
        });
    }

    private void Send(Func<IReadOnlyList<SipPeer>, SipRequest> begin, Action<long, uint, SipResponse?> answered) => _world.Locate(_trunk, (now, hops) =>
    {
        if (_ended) return;
        if (hops.Count == 0) answered(now, 0, null);
        else _world.Agent.Request(now, begin(hops), hops, Credentials, (at, sent, response) =>
        {
            if (!_ended) answered(at, sent.CSeq.Number, response);
        });
    });
}
