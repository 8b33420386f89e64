using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Edge.Tests.Ice;
using IvrActors.Edge.Tests.Sdp;

namespace IvrActors.Edge.Tests.Media;

/// <summary>What a browser does on the media's port: checks by ICE, a DTLS handshake, SRTP. Speaks to one session over a network in memory that takes from any thread.</summary>
internal sealed class Browser : IMediaWire, IDtlsOwner
{
    public static readonly MediaAddress Home = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    public const string Fragment = "CsxZ";

    private readonly DtlsHandshakes _handshakes = new(TimeProvider.System, _ => { });
    private readonly ConcurrentQueue<(byte[] Datagram, MediaAddress From)> _incoming = new();
    private readonly ConcurrentQueue<(byte[] Datagram, MediaAddress To)> _sent = new();
    private readonly List<(byte[] Datagram, MediaAddress To)> _media = [];
    private DtlsAssociation? _association;
    private FullAgent? _agent;
    private IMediaInput? _input;
    private ushort _sequence = 100;

    public Browser(bool weAreClient = true) => WeAreClient = weAreClient;

    public bool WeAreClient { get; }

    /// <summary>Where it sends from.</summary>
    public MediaAddress Address { get; set; } = Home;

    public DtlsIdentity Identity { get; set; } = DtlsIdentity.Create(DateTimeOffset.UtcNow);

    public SrtpSender? Sender { get; private set; }

    public SrtpReceiver? Receiver { get; private set; }

    public FullAgent Agent => _agent!;

    /// <summary>What came that is not DTLS: STUN, and what should be SRTP.</summary>
    public List<(byte[] Datagram, MediaAddress To)> Media
    {
        get
        {
            Read();
            return _media;
        }
    }

    /// <param name="offered">Of whom the fingerprint is; null: its own.</param>
    public byte[] Offer(DtlsIdentity? offered = null, string fragment = Fragment, bool ice = true, string setup = "actpass")
    {
        var print = string.Join(':', (offered ?? Identity).Fingerprint.Value.ToArray().Select(b => b.ToString("X2", CultureInfo.InvariantCulture)));
        var sdp = BrowserOffers.Crlf(BrowserOffers.Chrome).Replace(BrowserOffers.Fingerprint, print, StringComparison.Ordinal)
            .Replace("a=ice-ufrag:" + Fragment, "a=ice-ufrag:" + fragment, StringComparison.Ordinal).Replace("actpass", setup, StringComparison.Ordinal);
        if (!ice) sdp = string.Join("\r\n", sdp.Split("\r\n").Where(line => !line.StartsWith("a=ice", StringComparison.Ordinal))).Replace("0.0.0.0", "192.0.2.1", StringComparison.Ordinal).Replace("audio 9", "audio 4000", StringComparison.Ordinal);
        return Encoding.ASCII.GetBytes(sdp);
    }

    /// <summary>Takes the answer: what it says of fingerprint and credentials holds from now on.</summary>
    public void Accept(byte[] answer, string fragment = Fragment)
    {
        var text = Encoding.ASCII.GetString(answer);
        if (text.Contains("a=ice-ufrag", StringComparison.Ordinal)) _agent = FullAgent.Of(text, fragment);
        if (SdpParser.TryParse(answer, out var description) != SdpRejection.None) throw new InvalidOperationException("our answer is malformed");
        Associate(description.Media[0].Transport.Fingerprints);
    }

    /// <summary>Takes our offer and answers it; what the offer says of fingerprint and credentials holds from now on.</summary>
    /// <param name="named">Of whom the fingerprint in the answer is; null: its own.</param>
    public byte[] Answer(byte[] offer, DtlsIdentity? named = null, string fragment = Fragment, bool ice = true)
    {
        Accept(offer, fragment);
        var audioAndVideo = Encoding.ASCII.GetString(Offer(named, fragment, ice, WeAreClient ? "active" : "passive"));
        return Encoding.ASCII.GetBytes(audioAndVideo[..audioAndVideo.IndexOf("m=video", StringComparison.Ordinal)].Replace("BUNDLE 0 1", "BUNDLE 0", StringComparison.Ordinal));
    }

    public void Associate(IReadOnlyList<SdpFingerprint> fingerprints)
    {
        _association?.Dispose();
        _association = new DtlsAssociation(_handshakes, new DtlsTerms(Identity, fingerprints, WeAreClient, Dtls.DtlsLink.Profiles), this) { AnyAddress = true };
        (Sender, Receiver) = (null, null);
    }

    public void Send(byte[] datagram, MediaAddress? from = null) => _incoming.Enqueue((datagram, from ?? Address));

    /// <summary>Begins its handshake where it is the client, and reads what came.</summary>
    public void Run()
    {
        if (WeAreClient && Sender is null) _association?.Begin(MediaAddress.From(IPAddress.Loopback, 1));
        Read();
    }

    /// <summary>A packet of its own, encrypted.</summary>
    public byte[] Packet(byte payloadType = 0, uint timestamp = 0, byte[]? payload = null)
    {
        var packet = new byte[12 + (payload?.Length ?? 160) + 64];
        var length = 12 + (payload?.Length ?? 160);
        new RtpHeader { PayloadType = payloadType, Sequence = _sequence++, Timestamp = timestamp, Ssrc = 9 }.Write(packet);
        payload?.CopyTo(packet, 12);
        return packet[..Sender!.ProtectRtp(packet, length, 12)];
    }

    void IDtlsOwner.Send(ReadOnlySpan<byte> datagram, MediaAddress to) => Send(datagram.ToArray());

    void IDtlsOwner.Keyed(DtlsAssociation association, SrtpKeys keys, MediaAddress peer)
    {
        Receiver = new SrtpReceiver(keys.Peers);
        Sender = new SrtpSender(keys.Ours);
    }

    private void Read()
    {
        while (_sent.TryDequeue(out var one))
        {
            if (DtlsRecords.IsDtls(one.Datagram[0]) && one.To != Address) continue;
            if (DtlsRecords.IsDtls(one.Datagram[0])) _association?.Take(one.Datagram, MediaAddress.From(IPAddress.Loopback, 1));
            else _media.Add(one);
        }
    }

    IMediaPort? IMediaWire.Open(IPAddress address, int port, bool rtcp, IMediaInput input)
    {
        if (!rtcp) _input = input;
        return new Port(this, rtcp);
    }

    bool IMediaWire.Poll()
    {
        if (!_incoming.TryDequeue(out var one)) return false;
        _input!.Receive(one.Datagram, one.From, rtcp: false);
        return true;
    }

    void IMediaWire.PreferThisThread()
    {
    }

    void IMediaWire.WaitUntil(long timestamp) => throw new InvalidOperationException("virtual time does not wait");

    public void Dispose()
    {
        _association?.Dispose();
        _handshakes.Dispose();
    }

    private sealed class Port(Browser browser, bool rtcp) : IMediaPort
    {
        public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            if (!rtcp) browser._sent.Enqueue((datagram.ToArray(), to));
            return true;
        }

        public void Dispose()
        {
        }
    }
}
