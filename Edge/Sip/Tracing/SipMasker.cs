using System.Runtime.InteropServices;
using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>A message as it may be shown.</summary>
/// <param name="Bytes">A message of the same structure, in printable ASCII; empty when the original could not be read, or its mask could not.</param>
/// <param name="Method">Of a message without bytes: that of its start line, where an RFC defines it; else "".</param>
/// <param name="Length">Of the original.</param>
/// <param name="Rejection">Why the original could not be read.</param>
public readonly record struct MaskedSip(byte[] Bytes, string Method, int Length, SipRejection Rejection);

/// <summary>
/// Makes of a SIP message one that may be shown to operators: what is not known to be harmless is masked. See docs/decisions/0008. One thread at a time.
/// </summary>
public sealed class SipMasker
{
    private readonly SipReader _reader = new();
    private readonly SipReader _check = new();

    /// <param name="framed">Whether it is exactly one message of a stream.</param>
    public MaskedSip Mask(ReadOnlySpan<byte> bytes, bool framed = false)
    {
        var rejection = framed ? _reader.ReadFramed(bytes) : _reader.Read(bytes);
        var method = _reader.Method is { } name && SipMethods.IsKnown(name) ? name : "";
        if (rejection != SipRejection.None || _reader.ToResult(bytes).Message is not { } message) return new MaskedSip([], method, bytes.Length, rejection);
        var masked = Write(message);
        // It may have held a key of a PIN, or of SRTP.
        MemoryMarshal.AsMemory(message.Body).Span.Clear();
        // Fail closed: what is shown must be readable text of the same structure.
        var isShown = !masked.AsSpan().ContainsAnyExcept(s_printable) && _check.Read(masked) == SipRejection.None;
        return new MaskedSip(isShown ? masked : [], isShown ? "" : method, bytes.Length, rejection);
    }

    private static byte[] Write(SipMessage message)
    {
        var sweep = new NumberSweep();
        var head = new StringBuilder(1024);
        head.Append(message is SipRequest request
            ? $"{MaskText.Method(request.Method)} {UriMask.Uri(request.RequestUri, sweep)} SIP/2.0"
            : $"SIP/2.0 {MaskText.Number(((SipResponse)message).Status)} {Reason((SipResponse)message)}").Append("\r\n");
        var encoded = message.Headers.First(SipHeaderNames.ContentEncoding) is { } encoding && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase);
        var (type, body) = BodyMask.Of(message.Headers.First(SipHeaderNames.ContentType), message.Body, encoded);
        foreach (var (name, value) in message.Headers)
        {
            if (name == SipHeaderNames.ContentLength) continue;
            var (shownName, shownValue) = name == SipHeaderNames.ContentType ? (name, type!) : HeaderMask.Of(name, value, sweep);
            head.Append(shownName).Append(": ").Append(shownValue).Append("\r\n");
        }
        body = sweep.Apply(body);
        var text = sweep.Apply(head.ToString());
        return Encoding.Latin1.GetBytes($"{text}{SipHeaderNames.ContentLength}: {MaskText.Number(body.Length)}\r\n\r\n{body}");
    }

    /// <summary>The standard phrase: one's own may say anything.</summary>
    private static string Reason(SipResponse response) => SipResponses.ReasonOf(response.Status);

    private static readonly System.Buffers.SearchValues<byte> s_printable =
        System.Buffers.SearchValues.Create([(byte)'\r', (byte)'\n', .. Enumerable.Range(' ', '~' - ' ' + 1).Select(value => (byte)value)]);
}
