using System.Net;
using System.Text;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Recordings;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>User agent, call leg, fake media and fake grain in virtual time: no thread, no socket, no clock.</summary>
internal sealed class VirtualCall : IMediaEvents, ILegObserver
{
    public static readonly EdgeTrunk Trunk = new() { Name = "t", Tenant = "demo", From = [IPNetwork.Parse("192.0.2.0/24")] };

    private int _tokens;
    private int _branches;

    public VirtualCall(SipTransport transport = SipTransport.Udp)
    {
        Agent = new UserAgent(new SipAddress(IPAddress.Parse("192.0.2.1")) { UdpPort = 5060, TcpPort = 5060, TlsPort = 5061 }, Token, () => 0.5, 1000);
        Peer = new SipPeer(transport, IPEndPoint.Parse("192.0.2.7:5062"), transport == SipTransport.Udp ? 0 : 1, Trunk);
        Media = new FakeMediaSession(this);
    }

    public UserAgent Agent { get; }

    /// <summary>Thrown, once, where the next branch or tag is made: an error within the SIP stack.</summary>
    public Exception? Breaks { get; set; }

    /// <summary>Where the caller's messages come from.</summary>
    public SipPeer Peer { get; set; }

    public FakeMediaSession Media { get; }

    public long Now { get; private set; } = TimeSpan.TicksPerHour;

    public long Timestamp => Now;

    /// <summary>Our SDP, as the leg holds it.</summary>
    public byte[] Sdp { get; } = "v=0\r\n"u8.ToArray();

    public List<SipMessage> Sent { get; } = [];

    public List<SipSend> Sends { get; } = [];

    public List<CallSignal> Signals { get; } = [];

    public List<LegEvent> Events { get; } = [];

    public List<string> Observed { get; } = [];

    public CallLeg? Leg { get; private set; }

    /// <summary>A call of our own, before it is answered; then it gets its leg by <see cref="Begin"/>.</summary>
    public OriginatedCall? Own { get; set; }

    /// <summary>A leg that did not come in by INVITE.</summary>
    public void Begin(CallLeg leg) => Leg = leg;

    /// <summary>What the grain answers; null means that it cannot be reached.</summary>
    public Func<CallEvent, List<CallCommand>?> Grain { get; set; } = _ => [new Answer()];

    /// <summary>Begins a bridge that the leg asks for.</summary>
    public Action<Bridge> OnBridge { get; set; } = _ => { };

    /// <summary>Begins a recording that the leg asks for.</summary>
    /// <summary>False: whoever begins recordings does not answer.</summary>
    public bool Records { get; set; } = true;

    public Func<RecordingId, CallRecording?> OnRecord { get; set; } = _ => null;

    /// <summary>While true, events wait for an answer.</summary>
    public bool GrainIsSlow { get; set; }

    public SipResponse LastResponse => Sent.OfType<SipResponse>().Last();

    public SipRequest LastRequest => Sent.OfType<SipRequest>().Last();

    public int Count(Func<SipMessage, bool> which) => Sent.Count(which);

    /// <summary>A request of the caller; To gets the tag of our last response with one when <paramref name="inDialog"/>.</summary>
    public void Request(string method, uint sequence, string body = "", string? branch = null, bool inDialog = true, string extra = "", string callId = "c1", string fromTag = "f1", string? toTag = null,
        string scheme = "sip")
    {
        var tag = toTag ?? (inDialog ? Sent.OfType<SipResponse>().Select(response => response.To.Tag).Last(found => found is not null) : null);
        Receive($"{method} {scheme}:bank@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{Peer.Transport.ToString().ToUpperInvariant()} 192.0.2.7:5062;branch=z9hG4bK{branch ?? "b" + ++_branches};rport\r\n"
            + $"Max-Forwards: 70\r\nFrom: <sip:+4915550001@192.0.2.7>;tag={fromTag}\r\nTo: <sip:bank@192.0.2.1>{(tag is null ? "" : ";tag=" + tag)}\r\n"
            + $"Call-ID: {callId}\r\nCSeq: {sequence} {method}\r\nContact: <sip:caller@192.0.2.7:5062>\r\n{extra}Content-Length: {body.Length}\r\n\r\n{body}");
    }

    public void Invite(uint sequence = 1, string branch = "invite", string body = "v=0\r\n", string extra = "") =>
        Request("INVITE", sequence, body, branch, inDialog: false, extra: (body.Length > 0 ? "Content-Type: application/sdp\r\n" : "") + extra);

    public void Ack(uint sequence = 1, string body = "") => Request("ACK", sequence, body);

    /// <summary>INVITE, 200, ACK.</summary>
    public VirtualCall Connect()
    {
        Invite();
        Ack();
        return this;
    }

    public void Info(char key) => Request("INFO", ++_info, $"Signal={key}\r\nDuration=160\r\n", extra: "Content-Type: application/dtmf-relay\r\n");

    private uint _info = 10;

    /// <summary>The peer's answer to our last request.</summary>
    public void Respond(int status) => Receive(Encoding.ASCII.GetString(SipWriter.ToBytes(SipResponses.For(LastRequest, status, "f1"))));

    public void Receive(string text)
    {
        var parsed = SipParser.Parse(Encoding.ASCII.GetBytes(text));
        Assert.Equal(SipRejection.None, parsed.Rejection);
        Agent.Receive(Now, parsed.Message!, Peer);
        Flush();
    }

    public void Key(char key, int durationMs = 100)
    {
        Leg!.Heard(Now, new MediaSignal(MediaSignalKind.Key, key, 0, Now));
        Flush();
    }

    public void Keys(string keys)
    {
        foreach (var key in keys) Key(key);
    }

    public void PlayEnded(int playId)
    {
        Leg!.Heard(Now, new MediaSignal(MediaSignalKind.PlayEnded, '\0', playId, Now));
        Flush();
    }

    public void PlayEnded() => PlayEnded(Media.Plays[^1].Id);

    public void PlayStarted(int playId, long timestamp) => Leg!.Heard(Now, new MediaSignal(MediaSignalKind.PlayStarted, '\0', playId, timestamp));

    public void TimedOut()
    {
        Leg!.Heard(Now, new MediaSignal(MediaSignalKind.TimedOut, '\0', 0, Now));
        Flush();
    }

    public void HangUp(CallEndReason reason)
    {
        Leg!.HangUp(Now, reason);
        Flush();
    }

    public void ConnectionLost()
    {
        Agent.ConnectionLost(Now, Peer.Connection);
        Flush();
    }

    /// <summary>Lets time pass, deadline by deadline.</summary>
    public void Advance(double seconds)
    {
        var end = Now + TimeSpan.FromSeconds(seconds).Ticks;
        while (true)
        {
            var next = Math.Min(Agent.NextDeadline, Math.Min(Leg?.NextDeadline ?? SipTimes.Never, Own?.NextDeadline ?? SipTimes.Never));
            if (next > end) break;
            Now = Math.Max(Now, next);
            Agent.Tick(Now);
            Leg?.Tick(Now);
            Own?.Tick(Now);
            Flush();
        }
        Now = end;
    }

    /// <summary>Answers the event that waited while the grain was slow.</summary>
    public void GrainAnswers()
    {
        GrainIsSlow = false;
        Answer(Events[^1]);
        Flush();
    }

    public void Answered(long setupTicks) => Observed.Add("answered");

    public void Rejected(string reason) => Observed.Add("rejected " + reason);

    public void Ended(CallEndReason reason) => Observed.Add("ended " + reason);

    public void PromptStarted(long keyTimestamp, long promptTimestamp) => Observed.Add($"prompt after {TimeSpan.FromTicks(promptTimestamp - keyTimestamp).TotalMilliseconds} ms");

    public void Flush()
    {
        var outputs = Agent.Outputs;
        while (true)
        {
            foreach (var send in outputs.Sends)
            {
                Sends.Add(send);
                var parsed = SipParser.Parse(send.Bytes);
                Assert.Equal(SipRejection.None, parsed.Rejection);
                Sent.Add(parsed.Message!);
            }
            outputs.Sends.Clear();
            var signals = outputs.Signals.ToArray();
            outputs.Signals.Clear();
            foreach (var signal in signals) Signalled(signal);
            if (Leg is not null && Leg.TryTakeBridge(out var order)) OnBridge(order);
            if (Leg is not null && Leg.TryTakeRecording(out var recording) && Records) Leg.RecordingBegan(recording, OnRecord(recording));
            while (Leg is not null && Leg.TryTakeEvent(Now, out var legEvent))
            {
                Events.Add(legEvent);
                if (!GrainIsSlow) Answer(legEvent);
            }
            if (outputs.Sends.Count == 0 && outputs.Signals.Count == 0) return;
        }
    }

    private void Signalled(in CallSignal signal)
    {
        Signals.Add(signal);
        if (signal.Call.User is BridgedLeg other)
        {
            other.Signalled(Now, signal);
            return;
        }
        if (signal.Call.User is OriginatedCall own)
        {
            own.Signalled(Now, signal);
            return;
        }
        if (signal.Kind != CallSignalKind.Offered)
        {
            Leg?.Signalled(Now, signal);
            return;
        }
        Leg = new CallLeg(Now, new CallId("call-test"), signal.Call, new MediaAnswer { Session = Media, Sdp = Sdp }, this);
        Leg.Offer(sequence => new CallOffered
        {
            Seq = sequence,
            Edge = "e",
            Tenant = "demo",
            Trunk = "t",
            Called = "bank",
            Origin = OriginClass.Unattested,
            Encrypted = false,
            SourceAddress = "192.0.2.7",
        });
    }

    private void Answer(LegEvent legEvent)
    {
        if (Grain(legEvent.Event) is { } commands) Leg!.Replied(Now, new CallReply { Seq = legEvent.Event.Seq, Commands = commands, Flow = "bank", Step = "s" });
        else Leg!.Unreachable(Now, canApologize: true);
    }

    public void Tone(char key)
    {
        Leg!.Heard(Now, new MediaSignal(MediaSignalKind.Tone, key, 0, Now));
        Flush();
    }

    private string Token()
    {
        if (Breaks is not { } e) return $"token{++_tokens}";
        Breaks = null;
        throw e;
    }

    void IMediaEvents.Key(char key, int durationMs) => Key(key, durationMs);

    void IMediaEvents.TimedOut() => TimedOut();

    public static List<PromptPart> Prompts(params string[] ids) => [.. ids.Select(id => new PromptPart { Prompt = id })];

    public static Collect Ask(string name, int least = 1, int most = 1, bool bargeIn = true, bool secret = false, char? terminator = '#', params string[] prompts) => new()
    {
        Name = name,
        Prompts = Prompts(prompts.Length == 0 ? ["ask-" + name] : prompts),
        MinDigits = least,
        MaxDigits = most,
        Terminator = terminator,
        FirstDigitTimeout = TimeSpan.FromSeconds(5),
        InterDigitTimeout = TimeSpan.FromSeconds(3),
        BargeIn = bargeIn,
        Secret = secret,
    };
}
