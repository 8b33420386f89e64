using System.Buffers.Text;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>The status line in the body of a NOTIFY for a REFER (RFC 3420, RFC 3515 2.4.5).</summary>
public static class Sipfrag
{
    /// <summary>Status 100 to 699, or null when the body begins with no status line.</summary>
    public static int? StatusOf(ReadOnlySpan<byte> body)
    {
        var start = "SIP/2.0 "u8;
        return body.StartsWith(start) && body.Length >= start.Length + 3
            && Utf8Parser.TryParse(body.Slice(start.Length, 3), out int status, out var consumed) && consumed == 3 && status is >= 100 and <= 699
            ? status
            : null;
    }
}
