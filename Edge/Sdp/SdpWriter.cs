using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Sockets; // AddressFamily only.
using System.Text;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Sdp;

/// <summary>Our side of a description: where we listen, and under which key we send.</summary>
/// <param name="SessionId">Random, constant for the session.</param>
/// <param name="Version">Grows with every change (RFC 3264 8).</param>
/// <param name="RtcpPort">The port of RTCP when it is not shared.</param>
public sealed record SdpLocal(IPAddress Address, int RtpPort, int RtcpPort, uint SessionId, int Version)
{
    /// <summary>Our side of DTLS-SRTP; null when keys do not come by it.</summary>
    public SdpOurDtls? Dtls { get; init; }

    /// <summary>The address of the <c>o=</c> line where it is not <see cref="Address"/>: it stays the same for the session, wherever that goes on (RFC 3264 8).</summary>
    public string? OriginAddress { get; init; }
}

/// <summary>What the <c>o=</c> line of our last description said (RFC 8866 5.2).</summary>
public sealed record SdpOrigin(uint SessionId, int Version, string Address);

/// <summary>Writes answers and offers.</summary>
public static partial class SdpWriter
{
    /// <summary>Payload type of telephone-event in offers of ours; the number that most others use.</summary>
    public const byte EventPayloadType = 101;

    /// <summary>Dynamic types of Opus and the events beside it in offers of ours.</summary>
    public const byte OpusPayloadType = 96, OpusEventPayloadType = 102;

    /// <summary>RFC 9429 5.1.2: of all names of DTLS-SRTP the one that browsers must know.</summary>
    private const string BrowserProtocol = "UDP/TLS/RTP/SAVPF";

    private const string FirstMid = "0";

    private static readonly SdpCodec[] s_codecs = [SdpCodec.Pcmu, SdpCodec.Pcma];

    /// <summary>The answer to <paramref name="offer"/>: the agreed section, and every other one refused with port 0 (RFC 3264 6).</summary>
    public static byte[] Answer(SdpDescription offer, NegotiatedMedia agreed, SdpLocal local, SrtpMasterKey? ourKey)
    {
        var output = new Output();
        WriteSession(output, local);
        WriteSessionTransport(output, local.Dtls, agreed.Bundled ? agreed.Mid : null);
        for (var i = 0; i < offer.Media.Count; i++)
        {
            var media = offer.Media[i];
            if (i != agreed.MediaIndex)
            {
                output.Line($"m={media.Type} 0 {media.ProtocolText} {media.FormatsText}");
                continue;
            }
            var events = agreed.EventPayloadType is { } e ? " " + e.ToString(CultureInfo.InvariantCulture) : "";
            output.Line($"m=audio {local.RtpPort} {media.ProtocolText} {agreed.PayloadType}{events}");
            WriteCodec(output, agreed.PayloadType, agreed.Codec);
            if (agreed.EventPayloadType is { } number) WriteEvents(output, number, agreed.EventsAt48k);
            output.Line($"a=ptime:20");
            output.Line($"a={NameOf(agreed.Direction)}");
            if (agreed.ExtendedReports != SdpExtendedReports.None) output.Line($"a=rtcp-xr:{NamesOf(agreed.ExtendedReports)}");
            if (agreed.RtcpMux) output.Line($"a=rtcp-mux");
            else if (local.RtcpPort != local.RtpPort + 1) output.Line($"a=rtcp:{local.RtcpPort}");
            if (agreed.PeerCrypto is { } crypto && ourKey is not null) output.Crypto(crypto.Tag, ourKey);
            if (local.Dtls is { } dtls) WriteTransport(output, local, dtls, agreed.Mid);
        }
        return output.ToArray();
    }

    /// <summary>
    /// An offer of audio and telephone-event; RTP/SAVP when there are keys. When they come by DTLS, the first one is as a browser would write it (RFC 9429 5.2.1), and a later one
    /// as the session is.
    /// </summary>
    /// <param name="ourKeys">One for each suite, in order of preference; their tags count from 1.</param>
    /// <param name="codecs">In order of preference; null: PCMU, PCMA.</param>
    /// <param name="before">What a session has that is keyed by DTLS: the offer keeps its association. Null: nothing is agreed.</param>
    public static byte[] Offer(SdpLocal local, IReadOnlyList<SrtpMasterKey> ourKeys, IReadOnlyList<SdpCodec>? codecs = null, SdpDirection direction = SdpDirection.SendRecv, NegotiatedMedia? before = null)
    {
        codecs ??= s_codecs;
        // Events of each clock that the audio may have.
        SdpCodec[] events = [.. codecs.DistinctBy(codec => codec == SdpCodec.Opus)];
        var output = new Output();
        var (protocol, mux, mid, bundled) = (local.Dtls, before) switch
        {
            (null, _) => (ourKeys.Count == 0 ? "RTP/AVP" : "RTP/SAVP", false, null, false),
            (_, null) => (BrowserProtocol, true, FirstMid, true),
            _ => (before.ProtocolText, before.RtcpMux, before.Mid, before.Bundled),
        };
        WriteSession(output, local);
        WriteSessionTransport(output, local.Dtls, bundled ? mid : null);
        output.Line($"m=audio {local.RtpPort} {protocol} {string.Join(' ', [.. codecs.Select(TypeOf), .. events.Select(EventTypeOf)])}");
        foreach (var codec in codecs) WriteCodec(output, TypeOf(codec), codec);
        foreach (var audio in events) WriteEvents(output, EventTypeOf(audio), at48k: audio == SdpCodec.Opus);
        output.Line($"a=ptime:20");
        output.Line($"a={NameOf(direction)}");
        if (local.RtcpPort != local.RtpPort + 1) output.Line($"a=rtcp:{local.RtcpPort}");
        if (mux) output.Line($"a=rtcp-mux");
        for (var i = 0; i < ourKeys.Count; i++) output.Crypto(i + 1, ourKeys[i]);
        if (local.Dtls is { } dtls) WriteTransport(output, local, dtls, mid);
        return output.ToArray();
    }

    /// <summary>An answer that takes nothing of an offer: each of its sections with port 0 (RFC 3264 6). The offer may be one that could not be read.</summary>
    /// <param name="host">Our address; IPv6 with or without brackets.</param>
    public static byte[] Decline(ReadOnlySpan<byte> offer, string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        var output = new Output();
        WriteSession(output, new SdpLocal(IPAddress.Parse(host.AsSpan().Trim("[]")), 0, 0, 0, 0));
        foreach (var line in Encoding.ASCII.GetString(offer).Split('\n'))
        {
            // m=<media> <port>[/<count>] <proto> <fmt> …
            if (line.StartsWith("m=", StringComparison.Ordinal) && line.TrimEnd('\r').Split(' ', 3) is [var media, _, var rest]) output.Line($"{media} 0 {rest}");
        }
        return output.ToArray();
    }

    private static void WriteSession(Output output, SdpLocal local)
    {
        var family = local.Address.AddressFamily == AddressFamily.InterNetworkV6 ? "IP6" : "IP4";
        var origin = local.OriginAddress ?? local.Address.ToString();
        output.Line($"v=0");
        output.Line($"o=- {local.SessionId} {local.Version} IN {(origin.Contains(':', StringComparison.Ordinal) ? "IP6" : "IP4")} {origin}");
        output.Line($"s=-");
        output.Line($"c=IN {family} {local.Address}");
        output.Line($"t=0 0");
    }

    /// <summary>Of G.711 the static ones (RFC 3551 6).</summary>
    private static byte TypeOf(SdpCodec codec) => codec switch { SdpCodec.Opus => OpusPayloadType, SdpCodec.Pcma => 8, _ => 0 };

    private static byte EventTypeOf(SdpCodec audio) => audio == SdpCodec.Opus ? OpusEventPayloadType : EventPayloadType;

    private static void WriteCodec(Output output, byte payloadType, SdpCodec codec)
    {
        output.Line($"a=rtpmap:{payloadType} {codec switch { SdpCodec.Opus => "opus/48000/2", SdpCodec.Pcma => "PCMA/8000", _ => "PCMU/8000" }}");
        // RFC 7587 6.1: we play and send telephone audio. A constant rate, because the length of encrypted packets would tell what is said (RFC 6562).
        if (codec == SdpCodec.Opus) output.Line($"a=fmtp:{payloadType} maxplaybackrate=8000;sprop-maxcapturerate=8000;cbr=1");
    }

    private static void WriteEvents(Output output, byte payloadType, bool at48k)
    {
        output.Line($"a=rtpmap:{payloadType} telephone-event/{(at48k ? 48000 : 8000)}");
        output.Line($"a=fmtp:{payloadType} 0-15");
    }

    private static string NamesOf(SdpExtendedReports reports) => reports switch
    {
        SdpExtendedReports.VoipMetrics => "voip-metrics",
        SdpExtendedReports.RoundTrip => "rcvr-rtt=all",
        _ => "rcvr-rtt=all voip-metrics",
    };

    private static string NameOf(SdpDirection direction) => direction switch
    {
        SdpDirection.SendOnly => "sendonly",
        SdpDirection.RecvOnly => "recvonly",
        SdpDirection.Inactive => "inactive",
        _ => "sendrecv",
    };

    /// <summary>Bytes of a description; keys go in as bytes and never through a string.</summary>
    private sealed class Output
    {
        private readonly MemoryStream _stream = new(512);

        public void Line(FormattableString line) => Write(Encoding.ASCII.GetBytes(line.ToString(CultureInfo.InvariantCulture) + "\r\n"));

        public void Crypto(int tag, SrtpMasterKey key)
        {
            Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"a=crypto:{tag} {key.Suite} inline:")));
            Span<byte> base64 = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(SrtpSuite.MostKeyAndSaltSize)];
            Base64.EncodeToUtf8(key.Expose(), base64, out _, out var written);
            Write(base64[..written]);
            base64.Clear();
            Write("\r\n"u8);
        }

        public byte[] ToArray() => _stream.ToArray();

        public void Write(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);
    }
}
