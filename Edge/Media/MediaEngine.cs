using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IvrActors.Edge.Media;

/// <summary>Opens media sessions over UDP and spreads them over a few loops (threads). Disposing ends all of them.</summary>
public sealed partial class MediaEngine : IMediaEngine, IDisposable
{
    /// <summary>Ports that other programs hold are passed over this often, before a call is refused.</summary>
    private const int MostPortAttempts = 32;

    /// <summary>Cores per loop: one loop carries over a thousand calls, and the other cores have signalling to do.</summary>
    private const int CoresPerLoop = 4;

    private readonly PortPool _ports;
    private readonly MediaLoop[] _loops;
    private readonly ILogger _log;
    private volatile bool _disposed;

    public MediaEngine(EdgeOptions options, TimeProvider time, PromptStore prompts, ILogger<MediaEngine>? log = null)
        : this(options, time, prompts, MediaWire.Create, Math.Max(1, Environment.ProcessorCount / CoresPerLoop), ownThreads: true, log)
    {
    }

    internal MediaEngine(EdgeOptions options, TimeProvider time, PromptStore prompts, Func<IMediaWire> createWire, int loops, bool ownThreads, ILogger? log = null)
    {
        (Options, Time, Prompts, _log) = (options, time, prompts, log ?? NullLogger.Instance);
        Handshakes = new DtlsHandshakes(time, Failed);
        Identities = new DtlsIdentities(time);
        _ports = new PortPool(options.FirstMediaPort, options.LastMediaPort);
        _loops = new MediaLoop[loops];
        for (var i = 0; i < loops; i++) _loops[i] = new MediaLoop(createWire(), time, ownThreads);
    }

    /// <summary>How long a call waits for keys by DTLS: two whole handshakes that fail, or one and ICE over a slow path. Then it has no media and is ended.</summary>
    internal static readonly TimeSpan KeyingTimeout = TimeSpan.FromSeconds(30);

    internal EdgeOptions Options { get; }

    internal DtlsHandshakes Handshakes { get; }

    internal DtlsIdentities Identities { get; }

    internal TimeProvider Time { get; }

    internal PromptStore Prompts { get; }

    internal MediaLoop[] Loops => _loops;

    internal int FreePorts => _ports.Free;

    public MediaAnswer Answer(ReadOnlySpan<byte> offer, MediaPolicy policy, IMediaEvents events)
    {
        if (offer.IsEmpty) return OfferInstead(policy, events);
        var refusal = Negotiate(offer, policy.Rules, family: null, out var description, out var agreed);
        if (refusal != SdpRefusal.None) return Refuse(refusal);
        if (Open(policy, AddressOf(FamilyFor(description)), events) is not { } session) return NoPort();
        return new MediaAnswer { Session = session, Sdp = session.Accept(description, agreed!) };
    }

    public MediaAnswer Offer(IMediaSession? beside, MediaPolicy policy, IMediaEvents events) => OfferInstead(policy, events, (beside as MediaSession)?.Loop);

    private MediaAnswer OfferInstead(MediaPolicy policy, IMediaEvents events, MediaLoop? loop = null)
    {
        var rules = policy.Rules;
        if (rules is { SrtpAllowed: false, PlainAllowed: false }) return Refuse(policy.Offers == SrtpOffers.Dtls ? SdpRefusal.FingerprintNeedsTls : rules.SrtpBlockedBy);
        return Open(policy, AddressOf(policy.Family), events, loop) is { } session ? new MediaAnswer { Session = session, Sdp = session.Offer() } : NoPort();
    }

    /// <param name="family">Of the session's address; null while it has none and may be of any family that we have.</param>
    internal SdpRefusal Negotiate(ReadOnlySpan<byte> offer, SdpPolicy policy, AddressFamily? family, out SdpDescription description, out NegotiatedMedia? agreed)
    {
        agreed = null;
        var refusal = SdpParser.TryParse(offer, out description) != SdpRejection.None
            ? SdpRefusal.MalformedSdp
            : SdpNegotiator.Negotiate(description, policy, family ?? FamilyFor(description), out agreed);
        foreach (var media in description.Media)
        {
            foreach (var crypto in media.Crypto)
            {
                if (crypto != agreed?.PeerCrypto) crypto.Key.Dispose(); // Keys that were not taken do not stay in memory.
            }
        }
        return refusal;
    }

    internal static MediaAnswer Refuse(SdpRefusal refusal) =>
        new() { Status = SdpNegotiator.StatusOf(refusal), Reason = SdpNegotiator.ReasonOf(refusal) };

    private static MediaAnswer NoPort() => new() { Status = 503, Reason = "no-media-port" };

    /// <summary>The family of the first address in an offer that we have an address of.</summary>
    private AddressFamily FamilyFor(SdpDescription description)
    {
        foreach (var media in description.Media)
        {
            if ((media.Connection ?? description.Connection) is { } address && Options.AddressOf(address.AddressFamily) is not null) return address.AddressFamily;
        }
        return Options.Address.AddressFamily;
    }

    private IPAddress AddressOf(AddressFamily family) => Options.AddressOf(family) ?? Options.Address;

    private MediaSession? Open(MediaPolicy policy, IPAddress address, IMediaEvents events, MediaLoop? loop = null)
    {
        if (_disposed) return null;
        loop ??= _loops.MinBy(l => l.Sessions)!;
        for (var attempt = 0; attempt < MostPortAttempts && _ports.Rent() is { } port; attempt++)
        {
            var session = new MediaSession(this, loop, events, policy, NewSeed(), address, port);
            if (!session.TryOpen())
            {
                _ports.Return(port);
                continue;
            }
            loop.Add(session);
            MediaMetrics.Sessions.Inc();
            return session;
        }
        return null;
    }

    /// <summary>Type and place only: a message may hold what came from the network.</summary>
    internal void Failed(Exception e) => InternalError(_log, e.GetType().Name, e.StackTrace ?? "");

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error of a call's media: {Error}\n{Stack}")]
    private static partial void InternalError(ILogger log, string error, string stack);

    internal void Closed(MediaSession session, MediaLoop loop, int port)
    {
        loop.Remove(session);
        _ports.Return(port);
        MediaMetrics.Sessions.Dec();
    }

    internal static SrtpMasterKey NewKey(SrtpSuite suite) => new(suite, RandomNumberGenerator.GetBytes(suite.KeyAndSaltSize));

    /// <summary>ice-chars are those of base64 (RFC 8839 5.4).</summary>
    internal static IceCredentials NewIce() => new(System.Text.Encoding.ASCII.GetBytes(RandomNumberGenerator.GetString(IceChars, IceCredentials.FragmentLength + IceCredentials.PasswordLength)));

    internal static string NewTlsId() => RandomNumberGenerator.GetString(IceChars, 24);

    private const string IceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /// <summary>SSRC and first sequence number of a stream of ours.</summary>
    internal static (uint Ssrc, ushort Sequence) NewStream()
    {
        Span<byte> random = stackalloc byte[6];
        RandomNumberGenerator.Fill(random);
        return (BitConverter.ToUInt32(random), (ushort)(BitConverter.ToUInt16(random[4..]) & 0x7FFF));
    }

    private static SessionSeed NewSeed()
    {
        var (ssrc, sequence) = NewStream();
        Span<byte> random = stackalloc byte[8];
        RandomNumberGenerator.Fill(random);
        return new SessionSeed(
            ssrc, sequence, BitConverter.ToUInt32(random), BitConverter.ToUInt32(random[4..]), RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 16));
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (var loop in _loops)
        {
            foreach (var session in loop.CopyOfSessions()) session.Dispose();
            loop.Dispose();
        }
        Handshakes.Dispose();
    }
}
