using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using IvrActors.Grains.Interfaces.Edges;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>One exchange in virtual time in which the user agent sends a message of every kind that it ever sends; what holds for all of them is checked on it.</summary>
internal static class Exchange
{
    private static readonly byte[] s_sdp = Encoding.ASCII.GetBytes("v=0\r\no=ours\r\n");

    public static readonly string[] Methods = ["INVITE", "ACK", "PRACK", "UPDATE", "REFER", "NOTIFY", "BYE", "CANCEL", "OPTIONS", "REGISTER"];

    /// <summary>All that was sent, in order.</summary>
    public static IReadOnlyList<VirtualPeer.Sending> All(SipTransport transport = SipTransport.Udp)
    {
        var peer = new VirtualPeer(transport);
        Dialled(peer);
        GivenUp(peer);
        Served(peer);
        Refused(peer);
        OutsideOfDialogs(peer);
        Assert.Equal(Methods.Order(), peer.All.Select(sending => sending.Message).OfType<SipRequest>().Select(request => request.Method).Distinct().Order());
        return peer.All;
    }

    public static IReadOnlyList<SipRequest> Requests(SipTransport transport = SipTransport.Udp) => [.. All(transport).Select(sending => sending.Message).OfType<SipRequest>()];

    public static IReadOnlyList<SipResponse> Responses(SipTransport transport = SipTransport.Udp) => [.. All(transport).Select(sending => sending.Message).OfType<SipResponse>()];

    /// <summary>A way out with a registration.</summary>
    public static OutboundRoute Route(string proxy = "sip:192.0.2.9") => new()
    {
        Proxy = Uri(proxy),
        FromDomain = "carrier.example",
        User = "ivr",
        Register = true,
    };

    public static SipUri Uri(string text)
    {
        Assert.True(SipUri.TryParse(text, out var uri));
        return uri;
    }

    private static void Dialled(VirtualPeer peer)
    {
        var call = peer.Dial(credentials: new AnyPassword());
        peer.Answer(peer.Take("INVITE").Request, 401, "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 183, extra: "Require: 100rel\r\nRSeq: 1\r\n");
        peer.Answer(peer.Take("PRACK").Request, 200, null);
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer, "Allow: INVITE, UPDATE\r\n");
        peer.Do(() => call.Reinvite(peer.Now, s_sdp));
        peer.Answer(peer.Take("INVITE").Request, 200, null, VirtualPeer.Offer);
        peer.Do(() => call.Update(peer.Now, s_sdp));
        peer.Answer(peer.Take("UPDATE").Request, 200, null, VirtualPeer.Offer);
        peer.Do(() => call.Refer(peer.Now, "sip:agent@192.0.2.9"));
        peer.Answer(peer.Take("REFER").Request, 202, null);
        peer.Do(() => call.HangUp(peer.Now));
        peer.Answer(peer.Take("BYE").Request, 200, null);
    }

    private static void GivenUp(VirtualPeer peer)
    {
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 180);
        peer.Do(() => call.Cancel(peer.Now));
        peer.Answer(peer.Take("CANCEL").Request, 200);
        peer.Answer(invite, 487);
    }

    private static void Served(VirtualPeer peer)
    {
        peer.Invite(extra: "Supported: 100rel, timer\r\nRecord-Route: <sip:192.0.2.20;lr>\r\n", callId: "served");
        var call = peer.Signals[^1].Call;
        call.TakesRefers = true;
        peer.Do(() => call.Progress(peer.Now, 180));
        peer.Request(call, "PRACK", 2, extra: $"RAck: {peer.Take("180").Response.Headers.First("RSeq")} 1 INVITE\r\n");
        peer.Do(() => call.Answer(peer.Now, s_sdp));
        peer.Request(call, "ACK", 1);
        peer.Request(call, "REFER", 3, extra: "Refer-To: <sip:agent@192.0.2.9>\r\n");
        peer.Do(() => call.AcceptRefer(peer.Now));
        peer.Answer(peer.Take("NOTIFY").Request, 200, null);
        peer.Request(call, "UPDATE", 4, VirtualPeer.Offer);
        peer.Do(() => call.AnswerOffer(peer.Now, s_sdp));
        peer.Request(call, "INFO", 5);
        peer.Request(call, "INVITE", 6, VirtualPeer.Offer);
        peer.Do(() => call.RefuseOffer(peer.Now, 488));
        peer.Request(call, "BYE", 7);
    }

    private static void Refused(VirtualPeer peer)
    {
        peer.Request("OPTIONS", 1, callId: "options");
        peer.Request("SUBSCRIBE", 1, callId: "subscribe");
        peer.Request("BYE", 1, callId: "bye", toTag: "nobody");
        peer.Request("OPTIONS", 1, callId: "require", extra: "Require: nonsense\r\n");
        peer.Invite("x", "Content-Type: text/odd\r\n", callId: "type");
        peer.Invite(callId: "busy");
        peer.Do(() => peer.Signals[^1].Call.Reject(peer.Now, 486, null));
    }

    private static void OutsideOfDialogs(VirtualPeer peer)
    {
        var health = new TrunkHealth(Route(), TimeSpan.FromSeconds(30), "health", "healthtag", () => 0.5);
        peer.Do(() => peer.Agent.Request(peer.Now, health.Begin(), [peer.Hop], null, (_, _, _) => { }));
        var registration = new RegistrationClient(Route(), "registration", "registrationtag", () => 0.5);
        peer.Do(() => peer.Agent.Request(peer.Now, registration.Begin(peer.Agent.ContactFor(peer.Hop, false)), [peer.Hop], new AnyPassword(), (_, _, _) => { }));
        peer.Answer(peer.Take("REGISTER").Request, 401, "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
        peer.Answer(peer.Take("REGISTER").Request, 200, "x");
    }
}

/// <summary>Answers every challenge with a header that names how often it was asked.</summary>
internal sealed class AnyPassword : IChallengeResponder
{
    public int Asked { get; private set; }

    public bool TryAnswer(SipRequest request, SipResponse challenge, SipPeer from, out KeyValuePair<string, string> header)
    {
        header = new(challenge.Status == 401 ? "Authorization" : "Proxy-Authorization", $"Digest answer=\"{++Asked}\"");
        return true;
    }
}
