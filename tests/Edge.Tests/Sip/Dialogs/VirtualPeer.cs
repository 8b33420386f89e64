using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

/// <summary>
/// Plays SIP peers against a <see cref="UserAgent"/> in virtual time: what the agent sends is parsed and kept, requests and responses of the peers are
/// written as text, and time passes deadline by deadline. The user of the calls is <see cref="OnSignal"/>.
/// </summary>
internal sealed class VirtualPeer
{
    public const string Offer = "v=0\r\no=peer\r\n";

    public static readonly EdgeTrunk Trunk = new() { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("192.0.2.0/24")] };

    private int _tokens;
    private int _branches;

    public VirtualPeer(SipTransport transport = SipTransport.Udp, UserAgentPolicy? policy = null)
    {
        Agent = new UserAgent(Address, () => $"token{++_tokens}", () => 0.5, 1000) { Policy = policy ?? new() };
        Hop = HopAt("192.0.2.9:5060", transport, transport == SipTransport.Udp ? 0 : 1);
    }

    public SipAddress Address { get; } = new(IPAddress.Parse("192.0.2.1")) { UdpPort = 5060, TcpPort = 5060, TlsPort = 5061 };

    public UserAgent Agent { get; }

    public long Now { get; private set; } = TimeSpan.TicksPerHour;

    /// <summary>Where messages of the peer come from, and where we dial.</summary>
    public SipPeer Hop { get; set; }

    /// <summary>What the agent sent and was not looked at by <see cref="Take"/>.</summary>
    public List<Sending> Sent { get; } = [];

    /// <summary>Everything that the agent sent, with its time in seconds since the start.</summary>
    public List<Sending> All { get; } = [];

    public List<CallSignal> Signals { get; } = [];

    public Action<CallSignal> OnSignal { get; set; } = _ => { };

    /// <summary>Bytes on the way are given to this; false loses them, as a stream that is gone does.</summary>
    public Func<SipSend, bool> Delivers { get; set; } = _ => true;

    public sealed record Sending(SipMessage Message, SipPeer To, double At, byte[] Bytes)
    {
        public string Text => Encoding.Latin1.GetString(Bytes);

        public SipRequest Request => Assert.IsType<SipRequest>(Message);

        public SipResponse Response => Assert.IsType<SipResponse>(Message);
    }

    public static SipPeer HopAt(string endPoint, SipTransport transport = SipTransport.Udp, long connection = 0, EdgeTrunk? trunk = null) =>
        new(transport, IPEndPoint.Parse(endPoint), connection, trunk ?? Trunk);

    /// <summary>The oldest request or response of that kind that was not taken yet: "INVITE", "ACK", "200", "100 INVITE" …</summary>
    public Sending Take(string what)
    {
        var index = Sent.FindIndex(sending => Is(sending.Message, what));
        Assert.True(index >= 0, $"no {what} among: {Names()}");
        var taken = Sent[index];
        Sent.RemoveAt(index);
        return taken;
    }

    /// <summary>Of all that was sent, how many are such.</summary>
    public int Count(string what) => All.Count(sending => Is(sending.Message, what));

    /// <summary>What is not taken, in words: "INVITE ACK 200".</summary>
    public string Names() => string.Join(' ', Sent.Select(sending => sending.Message is SipRequest request ? request.Method : ((SipResponse)sending.Message).Status.ToString()));

    public string Kinds() => string.Join(' ', Signals.Select(signal => signal.Kind));

    public SipCall Dial(IReadOnlyList<SipPeer>? hops = null, IChallengeResponder? credentials = null, string target = "sip:+4930123@192.0.2.9", IReadOnlyList<string>? routes = null,
        IReadOnlyList<KeyValuePair<string, string>>? headers = null, double timeout = 60, int redirections = 0, string sdp = "v=0\r\no=ours\r\n")
    {
        var call = Agent.Dial(Now, new OutboundInvite
        {
            Target = target,
            From = "<sip:ivr@example.com>",
            To = "<sip:+4930123@example.com>",
            Hops = hops ?? [Hop],
            Routes = routes ?? [],
            Headers = headers ?? [],
            Sdp = Encoding.ASCII.GetBytes(sdp),
            Credentials = credentials,
            Timeout = TimeSpan.FromSeconds(timeout).Ticks,
            MostRedirections = redirections,
        });
        Flush();
        return call;
    }

    /// <summary>Dials, answers 200 and takes the ACK.</summary>
    public SipCall Connected(string extra = "", string tag = "callee")
    {
        var call = Dial();
        Answer(Take("INVITE").Request, 200, tag, Offer, extra);
        Take("ACK");
        Signals.Clear();
        return call;
    }

    /// <summary>The peer's answer to a request.</summary>
    public void Answer(SipRequest request, int status, string? tag = "callee", string body = "", string extra = "", string contact = "<sip:callee@192.0.2.9:5060>")
    {
        var response = SipResponses.For(request, status, tag);
        var text = Encoding.Latin1.GetString(SipWriter.ToBytes(response));
        var head = text[..text.IndexOf("Content-Length", StringComparison.Ordinal)];
        if (contact.Length > 0 && request.Method is SipMethods.Invite or SipMethods.Update && status < 300) head += $"Contact: {contact}\r\n";
        if (body.Length > 0) head += "Content-Type: application/sdp\r\n";
        Receive($"{head}{extra}Content-Length: {body.Length}\r\n\r\n{body}");
    }

    /// <summary>An INVITE of the peer that begins a call.</summary>
    public void Invite(string body = Offer, string extra = "", string callId = "in1", string fromTag = "caller", uint sequence = 1, string? branch = null, string scheme = "sip") =>
        Request("INVITE", sequence, body, extra, callId, fromTag, toTag: null, branch, scheme);

    /// <summary>INVITE, 200 by the user, ACK. The user's answer is <paramref name="sdp"/>.</summary>
    public SipCall Serve(string extra = "", string sdp = "v=0\r\no=ours\r\n")
    {
        Invite(extra: extra);
        var call = Signals[^1].Call;
        Do(() => call.Answer(Now, Encoding.ASCII.GetBytes(sdp)));
        Request("ACK", 1, toTag: call.Dialog.Id.LocalTag);
        Take("100");
        Take("200");
        Signals.Clear();
        return call;
    }

    /// <summary>A request of the peer inside the dialog of a call of either direction.</summary>
    public void Request(SipCall call, string method, uint sequence, string body = "", string extra = "", string? branch = null) =>
        Request(method, sequence, body, extra, call.Dialog.Id.CallId, call.Dialog.Id.RemoteTag, call.Dialog.Id.LocalTag, branch);

    public void Request(string method, uint sequence, string body = "", string extra = "", string callId = "in1", string fromTag = "caller", string? toTag = null, string? branch = null,
        string scheme = "sip", string target = "ivr@192.0.2.1")
    {
        var type = body.Length > 0 && !extra.Contains("Content-Type", StringComparison.Ordinal) ? "Content-Type: application/sdp\r\n" : "";
        Receive($"{method} {scheme}:{target} SIP/2.0\r\nVia: SIP/2.0/{Hop.Transport.ToString().ToUpperInvariant()} {Hop.EndPoint};branch=z9hG4bK{branch ?? "p" + ++_branches};rport\r\n"
            + $"Max-Forwards: 70\r\nFrom: <sip:peer@192.0.2.9>;tag={fromTag}\r\nTo: <sip:ivr@192.0.2.1>{(toTag is null ? "" : ";tag=" + toTag)}\r\n"
            + $"Call-ID: {callId}\r\nCSeq: {sequence} {method}\r\nContact: <sip:peer@{Hop.EndPoint}>\r\n{type}{extra}Content-Length: {body.Length}\r\n\r\n{body}");
    }

    public void Receive(string text)
    {
        var parsed = SipParser.Parse(Encoding.Latin1.GetBytes(text));
        Assert.Equal(SipRejection.None, parsed.Rejection);
        Agent.Receive(Now, parsed.Message!, Hop);
        Flush();
    }

    /// <summary>
    /// As the network hands bytes on: a request that the parser refuses is answered where an answer is owed. Returns the last status of what was sent, 0 for
    /// nothing: an answer that echoes what is malformed cannot be parsed.
    /// </summary>
    public int ReceiveAnything(string text)
    {
        var parsed = SipParser.Parse(Encoding.Latin1.GetBytes(text));
        if (parsed.Message is not null) Agent.Receive(Now, parsed.Message, Hop);
        else if (parsed is { Answerable: { } answerable, AnswerStatus: { } status }) Agent.Refuse(answerable, status, Hop);
        var sent = Agent.Outputs.Sends is [.., var last] ? int.Parse(Encoding.Latin1.GetString(last.Bytes, "SIP/2.0 ".Length, 3)) : 0;
        if (parsed.Message is null) Agent.Outputs.Sends.Clear();
        Flush();
        return sent;
    }

    /// <summary>An order of the user.</summary>
    public void Do(Action order)
    {
        order();
        Flush();
    }

    public void ConnectionLost(long connection) => Do(() => Agent.ConnectionLost(Now, connection));

    /// <summary>Lets time pass, deadline by deadline.</summary>
    public void Advance(double seconds)
    {
        var end = Now + TimeSpan.FromSeconds(seconds).Ticks;
        while (Agent.NextDeadline <= end)
        {
            Now = Math.Max(Now, Agent.NextDeadline);
            Agent.Tick(Now);
            Flush();
        }
        Now = end;
    }

    private static bool Is(SipMessage message, string what)
    {
        var words = what.Split(' ');
        return message is SipRequest request ? request.Method == what
            : ((SipResponse)message).Status.ToString() == words[0] && (words.Length == 1 || message.CSeq.Method == words[1]);
    }

    private void Flush()
    {
        var outputs = Agent.Outputs;
        while (outputs.Sends.Count > 0 || outputs.Signals.Count > 0)
        {
            var sends = outputs.Sends.ToArray();
            outputs.Sends.Clear();
            foreach (var send in sends)
            {
                if (!Delivers(send))
                {
                    Agent.ConnectionLost(Now, send.Peer.Connection);
                    continue;
                }
                var parsed = SipParser.Parse(send.Bytes);
                Assert.Equal(SipRejection.None, parsed.Rejection);
                var sending = new Sending(parsed.Message!, send.Peer, (Now - TimeSpan.TicksPerHour) / (double)TimeSpan.TicksPerSecond, send.Bytes);
                Sent.Add(sending);
                All.Add(sending);
            }
            var signals = outputs.Signals.ToArray();
            outputs.Signals.Clear();
            foreach (var signal in signals)
            {
                Signals.Add(signal);
                OnSignal(signal);
            }
        }
    }
}
