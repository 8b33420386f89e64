using System.Globalization;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Edges;

namespace IvrActors.Edge.Sip.Registration;

/// <summary>
/// Keeps one address of record registered with a trunk's registrar (RFC 3261 10.2). A machine: <see cref="Begin"/> gives the request when
/// one is due, <see cref="Answered"/> takes what became of it. Challenges and hops are the user agent's.
/// </summary>
/// <param name="callId">The same for all requests of a process (RFC 3261 10.2).</param>
/// <param name="fromTag">Ours.</param>
/// <param name="random">Gives a number from 0 to below 1: registrations of many edges must not come at once.</param>
public sealed class RegistrationClient(OutboundRoute route, string callId, string fromTag, Func<double> random)
{
    /// <summary>RFC 5626 4.5: base time when all flows failed, and the longest wait.</summary>
    private static readonly TimeSpan s_base = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(30);

    /// <summary>Base time when the registrar knows us and says no: the password is wrong, and trying on could lock the account.</summary>
    private static readonly TimeSpan s_refusedBase = TimeSpan.FromMinutes(5);

    /// <summary>Never asked for more often, whatever is granted.</summary>
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(10);

    /// <summary>Sixteen hops of 32 s, and then some: an attempt that got lost must not be the last one.</summary>
    private static readonly long s_mostWait = TimeSpan.FromMinutes(15).Ticks;

    private readonly SipUri _registrar = Parse($"{route.Proxy.Scheme}:{route.FromDomain}");
    private readonly string _address = $"<{route.Proxy.Scheme}:{route.User}@{route.FromDomain}>";
    private string _contact = "";
    private TimeSpan _asked = route.Expires;
    private uint _sequence;
    private int _failures;
    private bool _brief;

    /// <summary>When <see cref="Begin"/> is due; far away while an answer is awaited.</summary>
    public long NextDeadline { get; private set; }

    public TrunkRegistration State { get; private set; }

    /// <summary>Until when the registrar knows us; 0 when it does not.</summary>
    public long RegisteredUntil { get; private set; }

    /// <summary>When attempts began to fail; 0 when they do not.</summary>
    public long FailingSince { get; private set; }

    /// <summary>Status of the last answer; 408 when none came.</summary>
    public int LastStatus { get; private set; }

    /// <summary>What is due is on its way: nothing is until <see cref="Answered"/>, or until long after every hop had its time.</summary>
    public void Await(long now) => NextDeadline = now + s_mostWait;

    /// <summary>The REGISTER that is due.</summary>
    /// <param name="contact">Our address over the transport that it will take, as name-addr.</param>
    public SipRequest Begin(string contact)
    {
        _contact = contact;
        return Request(_asked);
    }

    /// <summary>The REGISTER that takes our contact back, or null when none stands. Nothing is due afterwards.</summary>
    public SipRequest? End(long now)
    {
        NextDeadline = SipTimes.Never;
        var stands = RegisteredUntil > now;
        (State, RegisteredUntil, FailingSince) = (TrunkRegistration.None, 0, 0);
        return stands ? Request(TimeSpan.Zero) : null;
    }

    /// <summary>Takes the final response to what <see cref="Begin"/> gave; null when no hop was reached or none answered.</summary>
    /// <param name="sequence">CSeq number of the last request that was sent for it: credentials and further hops take some.</param>
    public void Answered(long now, uint sequence, SipResponse? response)
    {
        _sequence = Math.Max(_sequence, sequence);
        LastStatus = response?.Status ?? 408;
        if (response is { Status: >= 200 and < 300 }) Granted(now, response);
        else if (response is { Status: 423 } && !_brief && MinExpires(response) is { } least && least > _asked)
        {
            // Asked again at once, once: a registrar that says 423 for ever is not followed.
            (_asked, _brief) = (least, true);
            NextDeadline = now;
        }
        else Failed(now, response);
    }

    private void Granted(long now, SipResponse response)
    {
        var granted = GrantedTo(response);
        (State, FailingSince, _failures, _brief) = (TrunkRegistration.Registered, 0, 0, false);
        RegisteredUntil = now + granted.Ticks;
        // At 85 to 90 %: early enough for a retry, and not all edges at once.
        var refresh = granted * (0.85 + 0.05 * random());
        NextDeadline = now + Math.Max(refresh.Ticks, s_least.Ticks);
    }

    private void Failed(long now, SipResponse? response)
    {
        if (FailingSince == 0) FailingSince = now;
        State = TrunkRegistration.Failing;
        if (RegisteredUntil <= now) RegisteredUntil = 0;
        var refused = response?.Status is 401 or 403 or 404 or 407;
        var most = (refused ? s_refusedBase : s_base) * Math.Pow(2, Math.Min(_failures++, 10));
        if (most > s_longest) most = s_longest;
        // RFC 5626 4.5: a random time between 50 and 100 % of it.
        var wait = most * (0.5 + 0.5 * random());
        if (RetryAfter(response) is { } asked && asked > wait) wait = asked < s_longest ? asked : s_longest;
        NextDeadline = now + wait.Ticks;
    }

    /// <summary>What the registrar granted to our contact: its parameter, else Expires, else what was asked for.</summary>
    private TimeSpan GrantedTo(SipResponse response)
    {
        uint? seconds = null;
        if (NameAddress.TryParse(_contact, out var ours))
        {
            foreach (var contact in response.Contacts)
            {
                if (contact.Uri.Equals(ours.Uri) && contact.Parameters.TryFind("expires", out var text)) seconds = SipGrammar.Number(text);
            }
        }
        seconds ??= response.Headers.First(SipHeaderNames.Expires) is { } header ? SipGrammar.Number(header.Trim()) : null;
        var granted = seconds is { } given ? TimeSpan.FromSeconds(given) : _asked;
        return granted < TimeSpan.FromDays(1) ? granted : TimeSpan.FromDays(1);
    }

    private static TimeSpan? MinExpires(SipResponse response) =>
        response.Headers.First("Min-Expires") is { } text && SipGrammar.Number(text.Trim()) is > 0 and <= 86_400 and { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    private static TimeSpan? RetryAfter(SipResponse? response)
    {
        var text = response?.Headers.First("Retry-After");
        if (text is null) return null;
        var digits = text.AsSpan().TrimStart();
        var end = digits.IndexOfAnyExceptInRange('0', '9');
        return SipGrammar.Number(end < 0 ? digits : digits[..end]) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private SipRequest Request(TimeSpan expires)
    {
        var request = new SipRequest(SipMethods.Register, _registrar);
        request.Headers.Add(SipHeaderNames.MaxForwards, "70");
        request.Headers.Add(SipHeaderNames.From, $"{_address};tag={fromTag}");
        request.Headers.Add(SipHeaderNames.To, _address);
        request.Headers.Add(SipHeaderNames.CallId, callId);
        request.Headers.Add(SipHeaderNames.CSeq, new CSeq(++_sequence, SipMethods.Register).ToString());
        var seconds = ((long)expires.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        request.Headers.Add(SipHeaderNames.Contact, $"{_contact};expires={seconds}");
        request.Headers.Add(SipHeaderNames.Expires, seconds);
        return request;
    }

    private static SipUri Parse(string uri) =>
        SipUri.TryParse(uri, out var parsed) ? parsed : throw new ArgumentException("internal error: a route whose domain is no domain", nameof(uri));
}
