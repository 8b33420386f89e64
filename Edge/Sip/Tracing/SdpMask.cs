using System.Buffers.Text;
using System.Globalization;
using System.Text;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Sip.Tracing;

/// <summary>A session description (RFC 8866) without what is secret or personal: keys, ICE passwords, names, numbers, and every attribute that is not known.</summary>
internal static class SdpMask
{
    private static readonly HashSet<string> s_flags = new(StringComparer.Ordinal)
    {
        "sendrecv", "sendonly", "recvonly", "inactive", "rtcp-mux", "rtcp-rsize", "ice-lite", "bundle-only", "end-of-candidates", "extmap-allow-mixed",
    };

    /// <summary>Attributes of which words and numbers may be shown.</summary>
    private static readonly HashSet<string> s_worded = new(StringComparer.Ordinal)
    {
        "mid", "group", "setup", "connection", "ice-options", "rtcp-fb", "silenceSupp", "framerate",
    };

    /// <summary>Attributes whose value is one word or one number of up to six digits.</summary>
    private static readonly HashSet<string> s_counted = new(StringComparer.Ordinal)
    {
        "ptime", "maxptime", "T38FaxVersion", "T38MaxBitRate", "T38FaxRateManagement", "T38FaxMaxBuffer", "T38FaxMaxDatagram", "T38FaxUdpEC", "T38FaxFillBitRemoval", "T38FaxTranscodingMMR", "T38FaxTranscodingJBIG",
    };

    /// <summary>Attributes that are named although nothing of their value is shown.</summary>
    private static readonly HashSet<string> s_named = new(StringComparer.Ordinal)
    {
        "ice-ufrag", "ice-pwd", "ssrc", "ssrc-group", "msid", "msid-semantic", "extmap", "label", "key-mgmt", "zrtp-hash", "remote-candidates", "rtcp-xr", "cname", "tool", "simulcast", "rid",
    };

    private static readonly HashSet<string> s_codecParameters = new(StringComparer.OrdinalIgnoreCase)
    {
        "annexa", "annexb", "apt", "bitrate", "cbr", "channels", "cng", "crc", "interleaving", "level-asymmetry-allowed", "maxaveragebitrate", "maxplaybackrate", "maxptime", "max-red", "minptime", "mode",
        "mode-change-capability", "mode-change-neighbor", "mode-change-period", "mode-set", "octet-align", "packetization-mode", "profile-level-id", "ptime", "robust-sorting", "sprop-maxcapturerate", "sprop-stereo",
        "stereo", "usedtx", "useinbandfec", "vbr",
    };

    public static string Of(ReadOnlySpan<byte> body)
    {
        if (body.Length > SdpParser.MostBytes) return MaskText.Masked;
        var result = new StringBuilder();
        foreach (var line in Encoding.Latin1.GetString(body).Split('\n'))
        {
            var text = line.TrimEnd('\r');
            if (text.Length > 0) result.Append(Line(text)).Append("\r\n");
        }
        return result.ToString();
    }

    private static string Line(string line)
    {
        if (line.Length < 2 || line[1] != '=' || !char.IsAsciiLetterLower(line[0])) return MaskText.Masked;
        var value = line[2..];
        return $"{line[0]}=" + (line[0] switch
        {
            'v' when IsDigits(value, 2) => value,
            'o' => Origin(value),
            's' when value is "-" or " " => value,
            'c' => Connection(value.Split(' ')) ?? MaskText.Masked,
            'b' when value.Split(':') is [var kind, var rate] && MaskText.IsWord(kind) && IsDigits(rate, 9) => value,
            't' when value.Split(' ') is [var start, var stop] && IsDigits(start, 10) && IsDigits(stop, 10) => value,
            'm' => Media(value) ?? MaskText.Masked,
            'a' => Attribute(value),
            _ => MaskText.Masked,
        });
    }

    /// <summary>user session version IN IP4 address: the user is a person's, the other numbers tell one offer from the next.</summary>
    private static string Origin(string value)
    {
        var parts = value.Split(' ');
        return parts.Length == 6 && IsDigits(parts[1], 20) && IsDigits(parts[2], 20) && Connection(parts[3..]) is { } address
            ? $"{(parts[0] == "-" ? "-" : MaskText.Masked)} {parts[1]} {parts[2]} {address}"
            : MaskText.Masked;
    }

    private static string? Connection(string[] parts) =>
        parts is ["IN", "IP4" or "IP6", var address] && MaskText.IsAddress(address) ? string.Join(' ', parts) : null;

    /// <summary>audio 20000 RTP/SAVP 0 8 101.</summary>
    private static string? Media(string value)
    {
        var parts = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var ok = parts.Length >= 4 && MaskText.IsWord(parts[0]) && parts[1].Split('/').All(port => IsDigits(port, 5)) && parts[2].Split('/').All(word => MaskText.IsWord(word))
            && parts.Skip(3).All(format => MaskText.IsWord(format));
        return ok ? string.Join(' ', parts) : null;
    }

    private static string Attribute(string attribute)
    {
        var colon = attribute.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return s_flags.Contains(attribute) ? attribute : MaskText.Masked;
        var (name, value) = (attribute[..colon], attribute[(colon + 1)..].Trim());
        var shown = name switch
        {
            "rtpmap" => RtpMap(value),
            "fmtp" => Format(value),
            "crypto" => Crypto(value),
            "fingerprint" => value.Split(' ') is [var hash, var print] && MaskText.IsWord(hash) && print.Split(':').All(octet => octet.Length == 2 && octet.All(char.IsAsciiHexDigit)) ? value : null,
            "candidate" => Candidate(value),
            "rtcp" => Rtcp(value),
            _ when s_counted.Contains(name) => MaskText.IsWord(value) || IsDigits(value, 6) ? value : null,
            _ => s_worded.Contains(name) ? Words(value) : null,
        };
        if (shown is not null) return $"{name}:{shown}";
        return s_named.Contains(name) || s_worded.Contains(name) || s_counted.Contains(name) || name is "rtcp" or "rtpmap" or "fmtp" or "crypto" or "fingerprint" or "candidate" ? $"{name}:{MaskText.Masked}" : MaskText.Masked;
    }

    /// <summary>96 opus/48000/2.</summary>
    private static string? RtpMap(string value) =>
        value.Split(' ') is [var format, var codec] && IsDigits(format, 3) && codec.Split('/') is { Length: 2 or 3 } parts
        && parts[0].Length is > 0 and <= 32 && char.IsAsciiLetter(parts[0][0]) && SipGrammar.IsToken(parts[0]) && parts[0].Count(char.IsAsciiDigit) <= 4 && parts.Skip(1).All(number => IsDigits(number, 6))
            ? value : null;

    /// <summary>101 0-15, or 96 minptime=10;useinbandfec=1: events, and of parameters those of codecs that are known, with short values.</summary>
    private static string? Format(string value)
    {
        const int MostEvents = 24, MostValue = 6;
        if (value.Split(' ', 2) is not [var format, var text] || !IsDigits(format, 3)) return null;
        if (text.Length <= MostEvents && !text.AsSpan().ContainsAnyExcept("0123456789,-") && MaskText.HasShortNumbers(text)) return value;
        var parameters = text.Split(';', StringSplitOptions.TrimEntries)
            .Select(parameter => parameter.Split('=') is [var name, var setting] && s_codecParameters.Contains(name) && setting.Length <= MostValue && SipGrammar.IsToken(setting) && MaskText.HasShortNumbers(Thousands(name, setting)) ? parameter : MaskText.Unnamed);
        return $"{format} {string.Join(';', parameters)}";
    }

    /// <summary>Of a rate in bit/s or Hz the thousands, where it is so many of them.</summary>
    private static string Thousands(string name, string setting) =>
        name.EndsWith("rate", StringComparison.OrdinalIgnoreCase) && setting.EndsWith("000", StringComparison.Ordinal) ? setting[..^3] : setting;

    /// <summary>53020 IN IP4 192.0.2.7 (RFC 3605 2.1).</summary>
    private static string? Rtcp(string value) =>
        value.Split(' ') is [var port, .. var address] && IsDigits(port, 5) && (address.Length == 0 || Connection(address) is not null) ? value : null;

    /// <summary>1 AES_CM_128_HMAC_SHA1_80 inline:key (RFC 4568 9.1): nothing behind the suite is shown. The mask is as long as a key of the suite, for Wireshark calls a shorter one malformed.</summary>
    private static string? Crypto(string value)
    {
        var parts = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length < 3 || !IsDigits(parts[0], 9) || parts[1].Length > 40 || parts[1].AsSpan().ContainsAnyExcept(s_suite)) return null;
        // A suite that we do not know has a key of at most 32 bytes and its salt.
        var size = SrtpSuite.All.FirstOrDefault(suite => suite.Name == parts[1])?.KeyAndSaltSize ?? SrtpSuite.MostKeyAndSaltSize;
        return $"{parts[0]} {parts[1]} inline:{new string('x', Base64.GetMaxEncodedToUtf8Length(size))}";
    }

    /// <summary>foundation component transport priority address port typ kind (RFC 8839 5.1): without the foundation, and without what comes behind.</summary>
    private static string? Candidate(string value)
    {
        var parts = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length < 8 || parts[6] != "typ" || !IsDigits(parts[1], 3) || !MaskText.IsWord(parts[2]) || !IsDigits(parts[3], 10) || !IsDigits(parts[5], 5) || !MaskText.IsWord(parts[7])) return null;
        // A browser names itself by a random mDNS name instead of its address (RFC 8828).
        var address = MaskText.IsAddress(parts[4]) ? parts[4] : "masked.local";
        return string.Create(CultureInfo.InvariantCulture, $"x {parts[1]} {parts[2]} {parts[3]} {address} {parts[5]} typ {parts[7]}");
    }

    private static string? Words(string value) =>
        value.Split(' ').All(word => word.Length == 0 || MaskText.IsWord(word)) ? value : null;

    private static bool IsDigits(string text, int most) => text.Length > 0 && text.Length <= most && text.All(char.IsAsciiDigit);

    private static readonly System.Buffers.SearchValues<char> s_suite = System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}
