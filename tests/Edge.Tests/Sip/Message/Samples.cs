using System.Text;

namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>Messages as a softphone or carrier sends them; parts can be replaced.</summary>
internal static class Samples
{
    internal static byte[] Request(string method, string extraHeaders = "", string body = "") => Encoding.Latin1.GetBytes(
        $"{method} sip:bank@127.0.0.1 SIP/2.0\r\n{Via}{From}{To}{CallId}CSeq: 7 {method}\r\nMax-Forwards: 70\r\n{Contact}{extraHeaders}Content-Length: {body.Length}\r\n\r\n{body}");

    internal const string Via = "Via: SIP/2.0/UDP 127.0.0.1:31001;branch=z9hG4bK-524287-1;rport\r\n";
    internal const string From = "From: \"Ann \\\"A\\\" Bell\" <sip:ann@127.0.0.1:31001;transport=udp>;tag=f1\r\n";
    internal const string To = "To: <sip:bank@127.0.0.1>\r\n";
    internal const string CallId = "Call-ID: 1-5@127.0.0.1\r\n";
    internal const string Contact = "Contact: <sip:ann@127.0.0.1:31001>\r\n";

    /// <summary>The sample INVITE with one line of it replaced.</summary>
    internal static byte[] InviteWith(string line, string replacement)
    {
        var text = Encoding.Latin1.GetString(Request("INVITE"));
        if (!text.Contains(line, StringComparison.Ordinal))
            throw new ArgumentException("the sample has no " + line, nameof(line));
        return Encoding.Latin1.GetBytes(text.Replace(line, replacement, StringComparison.Ordinal));
    }
}
