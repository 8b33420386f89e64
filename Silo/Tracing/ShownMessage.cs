using System.Globalization;
using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Tracing;

namespace IvrActors.Silo.Tracing;

/// <summary>A message of a trace as the ladder, the pcap file and HEP need it. What an edge sent is not trusted to be printable, nor to be SIP.</summary>
internal sealed class ShownMessage
{
    private const int MostName = 64;

    private ShownMessage(TracedMessage traced, IPEndPoint local, IPEndPoint remote)
    {
        Sent = traced.Direction == TraceDirection.Sent;
        IsIgnored = traced.Direction == TraceDirection.NotListenedTo;
        (At, Local, Remote, OpenedByEdge) = (traced.At.ToUniversalTime(), local, remote, traced.OpenedByEdge);
        (Edge, Trunk, Call, Transport) = (Plain(traced.Edge), Plain(traced.Trunk), Plain(traced.Call), Plain(traced.Transport));
        Text = new string([.. traced.Text.Select(c => c is '\r' or '\n' or (>= ' ' and <= '~') ? c : '?')]);
        var message = SipParser.Parse(Encoding.ASCII.GetBytes(Text)).Message;
        SipCallId = message?.CallId ?? "";
        Note = message is null ? FormattableString.Invariant($"{traced.Length} B, {Plain(traced.Fault)}") : $"{message.CSeq.Number.ToString(CultureInfo.InvariantCulture)} {message.CSeq.Method}";
        Label = message switch
        {
            SipRequest request => request.Method + Content(request),
            SipResponse response => $"{response.Status.ToString(CultureInfo.InvariantCulture)} {response.Reason}{Content(response)}",
            _ => $"malformed {Plain(traced.Method)}".TrimEnd(),
        };
        Status = (message as SipResponse)?.Status ?? 0;
    }

    public DateTimeOffset At { get; }

    /// <summary>By the edge; else received.</summary>
    public bool Sent { get; }

    /// <summary>Of a source that is not listened to.</summary>
    public bool IsIgnored { get; }

    public IPEndPoint Local { get; }

    public IPEndPoint Remote { get; }

    public bool OpenedByEdge { get; }

    public string Edge { get; }

    public string Trunk { get; }

    public string Call { get; }

    /// <summary>UDP, TCP, TLS, WS or WSS.</summary>
    public string Transport { get; }

    public bool IsStream => Transport != "UDP";

    /// <summary>The masked message; empty when it was malformed.</summary>
    public string Text { get; }

    /// <summary>Method or status, and what content is in it.</summary>
    public string Label { get; }

    /// <summary>0: a request, or malformed.</summary>
    public int Status { get; }

    /// <summary>CSeq; of a malformed message its length and what is wrong.</summary>
    public string Note { get; }

    public string SipCallId { get; }

    public IPEndPoint Source => Sent ? Local : Remote;

    public IPEndPoint Destination => Sent ? Remote : Local;

    /// <summary>Null when its addresses cannot be read.</summary>
    public static ShownMessage? Of(TracedMessage traced) =>
        IPEndPoint.TryParse(traced.Local, out var local) && IPEndPoint.TryParse(traced.Remote, out var remote) ? new ShownMessage(traced, local, remote) : null;

    private static string Content(SipMessage message)
    {
        if (message.Body.IsEmpty) return "";
        var type = message.Headers.First(SipHeaderNames.ContentType) ?? "";
        if (type.StartsWith("application/sdp", StringComparison.Ordinal)) return " (sdp)";
        if (type.StartsWith("application/dtmf", StringComparison.Ordinal)) return " (key)";
        if (type.StartsWith("multipart/", StringComparison.Ordinal)) return " (parts)";
        if (!type.StartsWith("message/sipfrag", StringComparison.Ordinal)) return " (body)";
        var line = Encoding.ASCII.GetString(message.Body.Span).Split('\r', '\n')[0];
        return line.StartsWith("SIP/2.0 ", StringComparison.Ordinal) ? $" ({line["SIP/2.0 ".Length..]})" : " (body)";
    }

    /// <summary>Nothing that a terminal takes for an order to it.</summary>
    private static string Plain(string text) => new([.. text.Take(MostName).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
}
