using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>What a trace shows of content: session descriptions without keys, the status in a NOTIFY of a transfer, the frame of a multipart, and of a key in an INFO only that there was one.</summary>
internal static class BodyMask
{
    private const string Boundary = MaskText.Unnamed;

    private static readonly HashSet<string> s_shownTypes = new(StringComparer.Ordinal)
    {
        "application/sdp", DtmfInfo.RelayType, DtmfInfo.PlainType, "message/sipfrag", "message/sip", "text/plain", "application/isup", "application/pidf+xml",
        "application/rs-metadata+xml", "application/rs-metadata", "application/media_control+xml", "application/trickle-ice-sdpfrag", "application/vnd.3gpp.sms",
    };

    /// <summary>Content-Type and body as they are shown.</summary>
    /// <param name="encoded">Whether the body is compressed or otherwise not what its type says.</param>
    public static (string? Type, string Body) Of(string? contentType, ReadOnlyMemory<byte> body, bool encoded) => Of(contentType, body, encoded, SipLimits.MultipartDepth);

    private static (string? Type, string Body) Of(string? contentType, ReadOnlyMemory<byte> body, bool encoded, int depth)
    {
        var masked = body.IsEmpty ? "" : MaskText.Masked;
        if (contentType is null) return (null, masked);
        if (!MediaType.TryParse(contentType, out var type)) return ($"{MaskText.Unnamed}/{MaskText.Unnamed}", masked);
        if (type.IsMultipart && !encoded && depth > 0 && Parts(type, contentType, body, depth) is { } whole) return whole;
        var name = s_shownTypes.Contains(type.Name) ? type.Name : $"{MaskText.Unnamed}/{MaskText.Unnamed}";
        if (body.IsEmpty || encoded) return (name, masked);
        return (name, type.Name switch
        {
            "application/sdp" => SdpMask.Of(body.Span),
            DtmfInfo.RelayType => "Signal=x\r\n",
            DtmfInfo.PlainType => "x",
            "message/sipfrag" when Sipfrag.StatusOf(body.Span) is { } status => $"SIP/2.0 {MaskText.Number(status)} {SipResponses.ReasonOf(status)}\r\n",
            _ => MaskText.Masked,
        });
    }

    private static (string, string)? Parts(MediaType type, string contentType, ReadOnlyMemory<byte> body, int depth)
    {
        if (Multipart.TryRead(contentType, body, out var parts) != MultipartRejection.None) return null;
        var result = new StringBuilder();
        foreach (var part in parts)
        {
            var (partType, partBody) = Of(part.ContentType, part.Body, !part.IsIdentity, depth - 1);
            result.Append("--").Append(Boundary).Append("\r\nContent-Type: ").Append(partType).Append("\r\n");
            if (part.Disposition is { } disposition && MaskText.IsWord(disposition)) result.Append("Content-Disposition: ").Append(disposition).Append("\r\n");
            result.Append("\r\n").Append(partBody).Append("\r\n");
        }
        result.Append("--").Append(Boundary).Append("--\r\n");
        return ($"{(type.Name is "multipart/alternative" or "multipart/related" ? type.Name : "multipart/mixed")};boundary={Boundary}", result.ToString());
    }
}
