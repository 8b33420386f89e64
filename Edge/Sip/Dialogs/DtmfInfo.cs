using System.Buffers.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>Keys in SIP INFO: <c>application/dtmf-relay</c> (<c>Signal=5</c>, <c>Duration=160</c>) and <c>application/dtmf</c> (the key alone).</summary>
public static class DtmfInfo
{
    public const string RelayType = "application/dtmf-relay";
    public const string PlainType = "application/dtmf";

    /// <summary>What is assumed where no duration stands.</summary>
    public const int UsualDurationMs = 160;

    /// <summary>Longest body that is looked at: two short lines.</summary>
    private const int MostBytes = 128;

    /// <summary>The content that may hold a key: the body, or that part of a multipart one.</summary>
    public static (string? Type, ReadOnlyMemory<byte> Body) Find(SipRequest info)
    {
        var type = info.Headers.First(SipHeaderNames.ContentType);
        if (type is null || !type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase)) return (type, info.Body);
        if (Multipart.TryFind(type, info.Body, RelayType, out var relay)) return (RelayType, relay);
        return Multipart.TryFind(type, info.Body, PlainType, out var plain) ? (PlainType, plain) : (null, default);
    }

    /// <summary>Reads the key and its duration in ms. False when there is no key in it.</summary>
    public static bool TryRead(string? contentType, ReadOnlySpan<byte> body, out char key, out int durationMs)
    {
        (key, durationMs) = ('\0', UsualDurationMs);
        if (body.Length > MostBytes) return false;
        switch (TypeOf(contentType))
        {
            case PlainType:
                return TryReadSignal(body.Trim(" \t\r\n"u8), out key);
            case RelayType:
                foreach (var range in body.Split((byte)'\n'))
                {
                    var line = body[range];
                    var equals = line.IndexOf((byte)'=');
                    if (equals < 0) continue;
                    var name = line[..equals].Trim(" \t\r"u8);
                    var value = line[(equals + 1)..].Trim(" \t\r"u8);
                    if (System.Text.Ascii.EqualsIgnoreCase(name, "Signal"u8) && !TryReadSignal(value, out key)) return false;
                    if (System.Text.Ascii.EqualsIgnoreCase(name, "Duration"u8) && TryReadNumber(value, out var duration)) durationMs = duration;
                }
                return key != '\0';
            default:
                return false;
        }
    }

    private static string TypeOf(string? contentType)
    {
        var type = contentType.AsSpan();
        var end = type.IndexOf(';');
        if (end >= 0) type = type[..end];
        type = type.Trim();
        return type.Equals(RelayType, StringComparison.OrdinalIgnoreCase) ? RelayType : type.Equals(PlainType, StringComparison.OrdinalIgnoreCase) ? PlainType : "";
    }

    /// <summary>A key itself, or its RFC 4733 event code where that has two digits (10 is *, 11 is #, 12 to 15 are A to D).</summary>
    private static bool TryReadSignal(ReadOnlySpan<byte> value, out char key)
    {
        key = '\0';
        if (value.Length == 2 && TryReadNumber(value, out var code) && code is >= 10 and <= 15) key = "*#ABCD"[code - 10];
        else if (value.Length == 1 && "0123456789*#ABCDabcd"u8.Contains(value[0])) key = char.ToUpperInvariant((char)value[0]);
        return key != '\0';
    }

    private static bool TryReadNumber(ReadOnlySpan<byte> value, out int number) =>
        Utf8Parser.TryParse(value, out number, out var consumed) && consumed == value.Length && number is >= 0 and <= 60_000;
}
