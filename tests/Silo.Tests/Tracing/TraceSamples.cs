using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Silo.Tracing;
using Xunit;

namespace IvrActors.Silo.Tests.Tracing;

/// <summary>Masked messages as edges publish them.</summary>
internal static class TraceSamples
{
    public static readonly DateTimeOffset Start = new(2026, 11, 25, 19, 13, 5, 703, TimeSpan.Zero);

    public static string Request(string method, int sequence = 1, string callId = "c1@h", string body = "", string? type = null) =>
        $"{method} sip:xxxx@192.0.2.10 SIP/2.0\r\n{Rest(method, sequence, callId, body, type)}";

    public static string Answer(int status, string reason, string method, int sequence = 1, string callId = "c1@h", string body = "", string? type = null) =>
        $"SIP/2.0 {status} {reason}\r\n{Rest(method, sequence, callId, body, type)}";

    public static ShownMessage Message(string text, bool sent = false, string remote = "192.0.2.7:5060", string local = "192.0.2.10:5060", string transport = "UDP", double after = 0, string call = "call-1",
        string trunk = "carrier", string edge = "edge-1", string method = "", string fault = "", bool ignored = false, bool openedByEdge = false)
    {
        var message = ShownMessage.Of(new TracedMessage
        {
            Edge = edge,
            At = Start.AddSeconds(after),
            Direction = ignored ? TraceDirection.NotListenedTo : sent ? TraceDirection.Sent : TraceDirection.Received,
            Transport = transport,
            Local = local,
            Remote = remote,
            Trunk = trunk,
            Call = call,
            Text = text,
            Length = text.Length == 0 ? 40 : text.Length,
            Method = method,
            Fault = fault,
            OpenedByEdge = openedByEdge,
        });
        Assert.NotNull(message);
        return message;
    }

    private static string Rest(string method, int sequence, string callId, string body, string? type) =>
        $"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:xxxx@h>;tag=1\r\nTo: <sip:xxxx@h>\r\nCall-ID: {callId}\r\nCSeq: {sequence} {method}\r\n"
        + $"{(type is null ? "" : $"Content-Type: {type}\r\n")}Content-Length: {body.Length}\r\n\r\n{body}";
}
