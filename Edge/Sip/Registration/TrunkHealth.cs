using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Edge.Sip.Registration;

/// <summary>Whether a trunk's proxy lives, by OPTIONS (RFC 3261 11). Any answer but 408 and 503 is a sign of life, a refusal too.</summary>
/// <param name="random">As for <see cref="RegistrationClient"/>.</param>
public sealed class TrunkHealth(OutboundRoute route, TimeSpan period, string callId, string fromTag, Func<double> random)
{
    /// <summary>One answer may be lost on the way.</summary>
    private const int MostMissed = 2;

    /// <summary>As for a registration.</summary>
    private static readonly long s_mostWait = TimeSpan.FromMinutes(15).Ticks;

    private readonly SipUri _target = SipUri.TryParse($"{route.Proxy.Scheme}:{route.FromDomain}", out var uri) ? uri : throw new ArgumentException("internal error: a route whose domain is no domain", nameof(route));
    private uint _sequence;
    private int _missed;

    /// <summary>When <see cref="Begin"/> is due; far away while an answer is awaited.</summary>
    public long NextDeadline { get; private set; }

    public TrunkProxy State { get; private set; }

    /// <summary>What is due is on its way: nothing is until <see cref="Answered"/>, or until long after every hop had its time.</summary>
    public void Await(long now) => NextDeadline = now + s_mostWait;

    /// <summary>The OPTIONS that is due.</summary>
    public SipRequest Begin()
    {
        var request = new SipRequest(SipMethods.Options, _target);
        request.Headers.Add(SipHeaderNames.MaxForwards, "70");
        request.Headers.Add(SipHeaderNames.From, $"<{route.Proxy.Scheme}:{route.User ?? "ping"}@{route.FromDomain}>;tag={fromTag}");
        request.Headers.Add(SipHeaderNames.To, $"<{_target}>");
        request.Headers.Add(SipHeaderNames.CallId, callId);
        request.Headers.Add(SipHeaderNames.CSeq, new CSeq(++_sequence, SipMethods.Options).ToString());
        request.Headers.Add(SipHeaderNames.Accept, "application/sdp");
        return request;
    }

    /// <summary>Takes the final response; null when no hop was reached or none answered.</summary>
    /// <param name="sequence">As for <see cref="RegistrationClient.Answered"/>.</param>
    public void Answered(long now, uint sequence, SipResponse? response)
    {
        _sequence = Math.Max(_sequence, sequence);
        if (response is null or { Status: 408 or 503 }) _missed++;
        else _missed = 0;
        if (_missed == 0) State = TrunkProxy.Up;
        else if (_missed >= MostMissed) State = TrunkProxy.Down;
        NextDeadline = now + (period * (0.9 + 0.1 * random())).Ticks;
    }

    /// <summary>Asks no more.</summary>
    public void End()
    {
        NextDeadline = SipTimes.Never;
        State = TrunkProxy.Unknown;
    }
}
