using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Sockets; // AddressFamily only.
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Sdp;

/// <summary>
/// Reads session descriptions (RFC 4566). Never throws; lines that are well formed but of no use here are skipped. Works on bytes, so that keys
/// never become strings.
/// </summary>
public static partial class SdpParser
{
    /// <summary>Above any offer seen in practice (a browser's is 6 KB).</summary>
    public const int MostBytes = 16 * 1024;

    /// <summary>Bounds the work per description.</summary>
    public const int MostLines = 512;

    /// <summary>Audio, video, fax, screen, data, and their doubles for optional encryption.</summary>
    public const int MostMedia = 16;

    /// <summary>Payload type numbers are 0 to 127.</summary>
    public const int MostFormats = 128;

    /// <summary>Usable crypto lines and rtpmaps that are kept per section.</summary>
    public const int MostCrypto = 8, MostRtpMaps = 128;

    /// <summary>RFC 4568 9.1: a tag has at most 9 digits.</summary>
    private const int MostTag = 999_999_999;

    /// <summary>An IPv6 address with a scope is shorter.</summary>
    private const int MostAddressLength = 64;

    public static SdpRejection TryParse(ReadOnlySpan<byte> text, out SdpDescription description)
    {
        description = new SdpDescription();
        if (text.Length > MostBytes) return SdpRejection.TooLarge;

        var lines = 0;
        SdpMedia? media = null;
        while (!text.IsEmpty)
        {
            var line = TakeLine(ref text);
            if (line.IsEmpty) continue; // Some write an empty last line.
            if (++lines > MostLines) return SdpRejection.TooManyLines;
            if (line.Length < 2 || line[1] != '=' || line[0] is < (byte)'a' or > (byte)'z') return SdpRejection.MalformedLine;
            if (lines == 1 && !line.SequenceEqual("v=0"u8)) return SdpRejection.MissingVersion;

            var value = line[2..];
            var rejection = SdpRejection.None;
            switch ((char)line[0])
            {
                case 'm':
                    if (description.Media.Count == MostMedia) return SdpRejection.TooManyMedia;
                    rejection = TryReadMedia(value, out media);
                    if (media is not null) description.Media.Add(media);
                    break;
                case 'c':
                    rejection = TryReadConnection(value, out var address);
                    if (media is null) description.Connection = address;
                    else media.Connection = address;
                    break;
                case 'a' when media is not null:
                    rejection = ReadMediaAttribute(value, media);
                    break;
                case 'a':
                    if (TryReadDirection(value, out var direction)) description.Direction = direction;
                    else if (value.StartsWith("rtcp-xr:"u8)) description.ExtendedReports = ReadExtendedReports(value[8..]);
                    else ReadSessionTransport(value, description);
                    break;
            }
            if (rejection != SdpRejection.None) return rejection;
        }
        return lines == 0 ? SdpRejection.MissingVersion : SdpRejection.None;
    }

    private static ReadOnlySpan<byte> TakeLine(ref ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf((byte)'\n');
        var line = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return line.TrimEnd("\r \t"u8);
    }

    /// <summary>Takes the next word; words are separated by spaces.</summary>
    private static ReadOnlySpan<byte> TakeWord(ref ReadOnlySpan<byte> text, byte separator = (byte)' ')
    {
        text = text.TrimStart((byte)' ');
        var end = text.IndexOf(separator);
        var word = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return word;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, int most, out int number) =>
        Utf8Parser.TryParse(text, out number, out var used) && used == text.Length && number >= 0 && number <= most && text[0] != '+';

    // m=audio 49170[/2] RTP/AVP 0 8 101
    private static SdpRejection TryReadMedia(ReadOnlySpan<byte> value, out SdpMedia? media)
    {
        media = null;
        var type = TakeWord(ref value);
        var port = TakeWord(ref value);
        if (port.IndexOf((byte)'/') is var slash and >= 0) port = port[..slash];
        var protocol = TakeWord(ref value);
        var formats = value.Trim((byte)' ');
        if (!IsToken(type) || !IsToken(protocol) || formats.IsEmpty || !TryNumber(port, 65535, out var portNumber)) return SdpRejection.MalformedMedia;
        foreach (var b in formats)
        {
            if (b is < 0x20 or > 0x7E) return SdpRejection.MalformedMedia;
        }
        media = new SdpMedia
        {
            Type = type.SequenceEqual("audio"u8) ? "audio" : Encoding.ASCII.GetString(type),
            Port = portNumber,
            Protocol = ProtocolOf(protocol),
            ProtocolText = Encoding.ASCII.GetString(protocol),
            FormatsText = Encoding.ASCII.GetString(formats),
        };
        while (!formats.IsEmpty)
        {
            var word = TakeWord(ref formats);
            if (media.Formats.Count == MostFormats) return SdpRejection.TooManyFormats;
            // Other protocols name formats by words: no payload types, and no error.
            if (TryNumber(word, 127, out var number)) media.Formats.Add((byte)number);
            else if (media.Protocol != SdpProtocol.Other) return SdpRejection.MalformedMedia;
        }
        return SdpRejection.None;
    }

    private static SdpProtocol ProtocolOf(ReadOnlySpan<byte> protocol)
    {
        if (protocol.SequenceEqual("RTP/AVP"u8)) return SdpProtocol.RtpAvp;
        if (protocol.SequenceEqual("RTP/SAVP"u8) || protocol.SequenceEqual("RTP/SAVPF"u8)) return SdpProtocol.RtpSavp;
        return protocol.SequenceEqual("UDP/TLS/RTP/SAVP"u8) || protocol.SequenceEqual("UDP/TLS/RTP/SAVPF"u8) ? SdpProtocol.DtlsSavp : SdpProtocol.Other;
    }

    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private static bool IsToken(ReadOnlySpan<byte> text) => text.Length is > 0 and <= 64 && !text.ContainsAnyExcept(TokenBytes);

    // c=IN IP4 192.0.2.1[/ttl]. Only IP literals: a name would have to be looked up, by us, for whoever sends it.
    private static SdpRejection TryReadConnection(ReadOnlySpan<byte> value, out IPAddress? address)
    {
        address = null;
        if (!TakeWord(ref value).SequenceEqual("IN"u8)) return SdpRejection.MalformedConnection;
        var type = TakeWord(ref value);
        var text = TakeWord(ref value);
        if (text.IndexOf((byte)'/') is var slash and >= 0) text = text[..slash];
        if (text.Length is 0 or > MostAddressLength || text.Contains((byte)'%')) return SdpRejection.MalformedConnection;
        if (!IPAddress.TryParse(text, out address)) return SdpRejection.MalformedConnection;
        var family = type.SequenceEqual("IP4"u8) ? AddressFamily.InterNetwork : type.SequenceEqual("IP6"u8) ? AddressFamily.InterNetworkV6 : AddressFamily.Unknown;
        // "IP4 1" or "IP4 010.1" parse as addresses elsewhere; only the dotted quad is one here.
        if (address.AddressFamily != family || (family == AddressFamily.InterNetwork && text.Count((byte)'.') != 3)) return SdpRejection.MalformedConnection;
        return SdpRejection.None;
    }

    private static SdpRejection ReadMediaAttribute(ReadOnlySpan<byte> value, SdpMedia media)
    {
        if (TryReadDirection(value, out var direction))
        {
            media.Direction = direction;
        }
        else if (value.SequenceEqual("rtcp-mux"u8))
        {
            media.RtcpMux = true;
        }
        else if (value.StartsWith("rtpmap:"u8))
        {
            if (media.RtpMaps.Count == MostRtpMaps) return SdpRejection.TooManyAttributes;
            if (TryReadRtpMap(value[7..], out var map)) media.RtpMaps.Add(map);
        }
        else if (value.StartsWith("rtcp:"u8))
        {
            var rest = value[5..];
            if (TryNumber(TakeWord(ref rest), 65535, out var port) && port > 0) media.RtcpPort = port;
        }
        else if (value.StartsWith("rtcp-xr:"u8))
        {
            media.ExtendedReports = ReadExtendedReports(value[8..]);
        }
        else if (value.StartsWith("crypto:"u8) && media.Crypto.Count < MostCrypto && TryReadCrypto(value[7..]) is { } crypto)
        {
            media.Crypto.Add(crypto);
        }
        else
        {
            ReadTransport(value, media);
        }
        return SdpRejection.None;
    }

    private static bool TryReadDirection(ReadOnlySpan<byte> value, out SdpDirection direction)
    {
        direction = SdpDirection.SendRecv;
        if (value.SequenceEqual("sendrecv"u8)) return true;
        if (value.SequenceEqual("sendonly"u8)) direction = SdpDirection.SendOnly;
        else if (value.SequenceEqual("recvonly"u8)) direction = SdpDirection.RecvOnly;
        else if (value.SequenceEqual("inactive"u8)) direction = SdpDirection.Inactive;
        return direction != SdpDirection.SendRecv;
    }

    // rtcp-xr:rcvr-rtt=all:10000 voip-metrics; what is not known is skipped.
    private static SdpExtendedReports ReadExtendedReports(ReadOnlySpan<byte> value)
    {
        var asked = SdpExtendedReports.None;
        while (!value.IsEmpty)
        {
            var format = TakeWord(ref value);
            if (format.SequenceEqual("voip-metrics"u8)) asked |= SdpExtendedReports.VoipMetrics;
            else if (format.StartsWith("rcvr-rtt="u8)) asked |= SdpExtendedReports.RoundTrip;
        }
        return asked;
    }

    // rtpmap:101 telephone-event/8000[/1]
    private static bool TryReadRtpMap(ReadOnlySpan<byte> value, out SdpRtpMap map)
    {
        map = default;
        if (!TryNumber(TakeWord(ref value), 127, out var payloadType)) return false;
        var name = TakeWord(ref value, (byte)'/');
        var rate = TakeWord(ref value, (byte)'/');
        map = new SdpRtpMap((byte)payloadType, CodecOf(name, rate.TrimEnd((byte)' '), value.TrimEnd((byte)' ')));
        return true;
    }

    private static SdpCodec CodecOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> rate, ReadOnlySpan<byte> channels)
    {
        if (rate.SequenceEqual("48000"u8))
        {
            // RFC 7587 7: always written with two channels, whatever is sent.
            if (Ascii.EqualsIgnoreCase(name, "opus"u8) && channels.SequenceEqual("2"u8)) return SdpCodec.Opus;
            return Ascii.EqualsIgnoreCase(name, "telephone-event"u8) && IsMono(channels) ? SdpCodec.TelephoneEvent48k : SdpCodec.Other;
        }
        if (!rate.SequenceEqual("8000"u8) || !IsMono(channels)) return SdpCodec.Other;
        return Ascii.EqualsIgnoreCase(name, "PCMU"u8) ? SdpCodec.Pcmu
            : Ascii.EqualsIgnoreCase(name, "PCMA"u8) ? SdpCodec.Pcma
            : Ascii.EqualsIgnoreCase(name, "telephone-event"u8) ? SdpCodec.TelephoneEvent
            : SdpCodec.Other;
    }

    private static bool IsMono(ReadOnlySpan<byte> channels) => channels.IsEmpty || channels.SequenceEqual("1"u8);

    // crypto:1 AES_CM_128_HMAC_SHA1_80 inline:base64[|lifetime][|MKI:length] [session parameters]
    private static SdpCrypto? TryReadCrypto(ReadOnlySpan<byte> value)
    {
        if (!TryNumber(TakeWord(ref value), MostTag, out var tag)) return null;
        if (SrtpSuite.ByName(TakeWord(ref value)) is not { } suite) return null;
        var parameters = TakeWord(ref value);
        // Session parameters (KDR, UNENCRYPTED_SRTP, FEC_ORDER …) change the processing; "may not be ignored" (RFC 4568 6.3), except WSH, a hint.
        while (!value.IsEmpty)
        {
            var parameter = TakeWord(ref value);
            if (!parameter.IsEmpty && !parameter.StartsWith("WSH="u8)) return null;
        }
        if (!parameters.StartsWith("inline:"u8) || parameters.Contains((byte)';')) return null;
        parameters = parameters[7..];
        var key = TakeWord(ref parameters, (byte)'|');
        while (!parameters.IsEmpty)
        {
            // A part with a colon is an MKI, which is not supported; a lifetime is never reached by a telephone call.
            if (TakeWord(ref parameters, (byte)'|').Contains((byte)':')) return null;
        }
        return TryReadKey(key, suite) is { } bytes ? new SdpCrypto { Tag = tag, Key = new SrtpMasterKey(suite, bytes) } : null;
    }

    private static byte[]? TryReadKey(ReadOnlySpan<byte> base64, SrtpSuite suite)
    {
        // With padding, which some leave out (RFC 4568 6.1 has it discarded).
        Span<byte> padded = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(SrtpSuite.MostKeyAndSaltSize)];
        padded = padded[..Base64.GetMaxEncodedToUtf8Length(suite.KeyAndSaltSize)];
        if (base64.Length > padded.Length) return null;
        padded.Fill((byte)'=');
        base64.CopyTo(padded);
        var bytes = new byte[suite.KeyAndSaltSize];
        var isKey = Base64.DecodeFromUtf8(padded, bytes, out _, out var written) == OperationStatus.Done && written == bytes.Length;
        CryptographicOperations.ZeroMemory(padded);
        if (isKey) return bytes;
        CryptographicOperations.ZeroMemory(bytes);
        return null;
    }
}
