using System.Globalization;
using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;

namespace IvrActors.Load.Sip;

/// <summary>The messages that a plain softphone sends, as text.</summary>
internal static class Texts
{
    public static byte[] Request(string method, string uri, Link link, UacDialog dialog, string branch, uint cseq, byte[]? sdp = null)
    {
        var local = Text(link.Local);
        var contact = method == "INVITE" ? $"Contact: <sip:{dialog.User}@{local};transport={link.Transport.ToLowerInvariant()}>\r\n" : "";
        var type = sdp is null ? "" : "Content-Type: application/sdp\r\n";
        var head = $"""
            {method} {uri} SIP/2.0
            Via: SIP/2.0/{link.Transport} {local};branch={branch};rport
            Max-Forwards: 70
            From: {dialog.From}
            To: {dialog.To}
            Call-ID: {dialog.CallId}
            CSeq: {cseq.ToString(CultureInfo.InvariantCulture)} {method}

            """.ReplaceLineEndings("\r\n");
        return [.. Encoding.UTF8.GetBytes($"{head}{contact}{type}Content-Length: {sdp?.Length ?? 0}\r\n\r\n"), .. sdp ?? []];
    }

    /// <summary>An offer, or answer, of one codec and keys by RFC 4733; with <paramref name="key"/> over SRTP keyed by SDES.</summary>
    /// <param name="version">Of the description (RFC 3264 8).</param>
    /// <param name="tag">Of the key: in an answer that of the offered one which it takes.</param>
    public static byte[] Offer(IPAddress address, int port, byte payloadType, byte eventType, SrtpMasterKey? key, int version = 1, int tag = 1)
    {
        var codec = payloadType == 8 ? "PCMA" : "PCMU";
        var profile = key is null ? "RTP/AVP" : "RTP/SAVP";
        var crypto = key is null ? "" : $"a=crypto:{tag.ToString(CultureInfo.InvariantCulture)} {key.Suite.Name} inline:{Convert.ToBase64String(key.Expose())}\r\n";
        var sdp = $"""
            v=0
            o=load 1 {version.ToString(CultureInfo.InvariantCulture)} IN IP4 {address}
            s=-
            c=IN IP4 {address}
            t=0 0
            m=audio {port} {profile} {payloadType} {eventType}
            a=rtpmap:{payloadType} {codec}/8000
            a=rtpmap:{eventType} telephone-event/8000
            a=fmtp:{eventType} 0-15
            a=ptime:20

            """.ReplaceLineEndings("\r\n");
        return Encoding.ASCII.GetBytes(sdp + crypto);
    }

    /// <summary>Where the server wants RTP, and its SDES key, of an offer that for this suite; null when it took nothing of the offer, or offers nothing that we take.</summary>
    public static (IPEndPoint Remote, SrtpMasterKey? Key, int Tag)? ReadAnswer(ReadOnlySpan<byte> sdp, byte payloadType, SrtpSuite? wanted = null)
    {
        var tag = 1;
        IPAddress? address = null;
        var port = 0;
        SrtpMasterKey? key = null;
        foreach (var line in Encoding.ASCII.GetString(sdp).Split('\n', StringSplitOptions.TrimEntries))
        {
            var words = line.Split(' ');
            if (line.StartsWith("c=IN IP4 ", StringComparison.Ordinal)) IPAddress.TryParse(words[2], out address);
            else if (line.StartsWith("m=audio ", StringComparison.Ordinal) && words.Length > 3 && words.Skip(3).Contains(payloadType.ToString(CultureInfo.InvariantCulture)))
                _ = int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out port);
            else if (line.StartsWith("a=crypto:", StringComparison.Ordinal) && words.Length > 2 && words[2].StartsWith("inline:", StringComparison.Ordinal) && SrtpSuite.ByName(Encoding.ASCII.GetBytes(words[1])) is { } suite && (wanted is null || suite == wanted) && int.TryParse(words[0]["a=crypto:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out tag))
                key = new SrtpMasterKey(suite, Convert.FromBase64String(words[2]["inline:".Length..].Split('|')[0].Split(';')[0]));
        }
        return address is null || port is <= 0 or > 65535 ? null : (new IPEndPoint(address, port), key, tag);
    }

    public static string Text(IPEndPoint at) => string.Create(CultureInfo.InvariantCulture, $"{at.Address}:{at.Port}");
}

/// <summary>What names a dialog on the caller's side (RFC 3261 12).</summary>
internal sealed class UacDialog
{
    public required string User { get; init; }
    public required string CallId { get; init; }
    public required string From { get; init; }

    /// <summary>With the server's tag, once it answered.</summary>
    public required string To { get; set; }

    /// <summary>The request URI inside the dialog: the server's contact.</summary>
    public required string Target { get; set; }

    public void Establish(SipResponse answer)
    {
        To = answer.To.ToString();
        if (answer.Contact is { } contact) Target = contact.Uri.ToString();
    }
}
