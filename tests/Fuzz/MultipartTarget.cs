using System.Text;
using IvrActors.Edge.Sip.Message;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// Multipart bodies; the first line of the input is the Content-Type. Oracle: splitting the body into lines finds the same parts, what was found
/// lies in the body, and the parts written again are read the same.
/// </summary>
public sealed class MultipartTarget : IFuzzTarget
{
    private const string OurBoundary = "our-own-boundary-0123456789";

    public string Name => "multipart";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "multipart/mixed;boundary=b\r\n", "multipart/alternative;boundary=b\r\n", "multipart/mixed; boundary=\"b c\"\r\n", "multipart/related;boundary=b;start=x\r\n",
            "--b\r\n", "\r\n--b\r\n", "\r\n--b--", "--b--\r\n", "--b \t\r\n", "--bb\r\n", "--", "\r\n\r\n", "\r\n", "\n", "\r",
            "Content-Type: application/sdp\r\n", "Content-Type: multipart/alternative;boundary=n\r\n", "--n\r\n", "\r\n--n--\r\n", "Content-Transfer-Encoding: base64\r\n",
            "Content-Transfer-Encoding: binary\r\n", "Content-Disposition: session;handling=required\r\n", "Content-Disposition: early-session\r\n",
            "Content-Encoding: gzip\r\n", "handling=optional", "v=0\r\n", " ", "\t", ":", ";", "=", "\"", "\\", "\0", "\u00ff",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var end = input.Span.IndexOf("\r\n"u8);
        if (end < 0)
            return false;
        var contentType = Encoding.Latin1.GetString(input.Span[..end]);
        var body = input[(end + 2)..];
        CheckFind(contentType, body);
        var rejection = Multipart.TryRead(contentType, body, out var parts);
        if (rejection == MultipartRejection.MalformedContentType)
            return false;
        CheckAgainstLines(contentType, body, rejection, parts);
        if (rejection != MultipartRejection.None)
            return false;
        CheckWritten(parts);
        return true;
    }

    private static void CheckFind(string contentType, ReadOnlyMemory<byte> body)
    {
        var rejection = Multipart.Find(contentType, body, "application/sdp", out var part);
        Require(rejection == MultipartRejection.None || part.IsEmpty, "a rejection and a part");
        Require(MultipartRejections.StatusOf(rejection) is null == (rejection == MultipartRejection.None), "a rejection without a status");
        Require(part.IsEmpty || body.Span.Overlaps(part.Span), "the part is not of this body");
    }

    /// <summary>The obvious reading: lines that are delimiters separate the others.</summary>
    private static void CheckAgainstLines(string contentType, ReadOnlyMemory<byte> body, MultipartRejection rejection, IReadOnlyList<MultipartPart> parts)
    {
        if (rejection is not (MultipartRejection.None or MultipartRejection.NoParts or MultipartRejection.Unfinished or MultipartRejection.AmbiguousDelimiter))
            return;
        MediaType.TryParse(contentType, out var type);
        var delimiter = "--" + MediaType.Unquoted(type.Parameters, "boundary");
        var lines = Encoding.Latin1.GetString(body.Span).Split("\r\n");
        var found = PartsOf(lines, delimiter);
        Require(found is null == (rejection != MultipartRejection.None), $"splitting by lines gives {found?.Count.ToString() ?? "nothing"}, the parser {rejection}");
        if (found is null)
            return;
        Require(found.Select(BodyOf).SequenceEqual(parts.Select(part => Encoding.Latin1.GetString(part.Body.Span))), "splitting by lines gives other parts");
    }

    private static List<string>? PartsOf(string[] lines, string delimiter)
    {
        List<string> parts = [];
        List<string>? current = null;
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith(delimiter, StringComparison.Ordinal))
            {
                current?.Add(lines[i]);
                continue;
            }
            if (current is not null)
                parts.Add(string.Join("\r\n", current));
            var tail = lines[i][delimiter.Length..].TrimEnd(' ', '\t');
            if (tail == "--")
                return parts.Count > 0 ? parts : null;
            if (tail != "" || i == lines.Length - 1)
                return null;
            current = [];
        }
        return null;
    }

    private static string BodyOf(string part)
    {
        if (part.StartsWith("\r\n", StringComparison.Ordinal))
            return part[2..];
        var empty = part.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return empty < 0 ? "" : part[(empty + 4)..];
    }

    private static void CheckWritten(IReadOnlyList<MultipartPart> parts)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            var body = Encoding.Latin1.GetString(part.Body.Span);
            if (body.Contains(OurBoundary, StringComparison.Ordinal) || part.ContentType.Length > SipLimits.MultipartHead / 2)
                return;
            text.Append("--" + OurBoundary + "\r\nContent-Type: ").Append(part.ContentType).Append("\r\n\r\n").Append(body).Append("\r\n");
        }
        text.Append("--" + OurBoundary + "--");
        var written = Encoding.Latin1.GetBytes(text.ToString());
        var rejection = Multipart.TryRead("multipart/mixed;boundary=" + OurBoundary, written, out var again);
        Require(rejection == MultipartRejection.None, $"what was written is refused: {rejection}");
        Require(again.Count == parts.Count && again.Zip(parts).All(pair => pair.First.Body.Span.SequenceEqual(pair.Second.Body.Span) && pair.First.Type.Name == pair.Second.Type.Name), "writing is no fixed point");
    }
}
