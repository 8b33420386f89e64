using System.Net.Sockets;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Media;

/// <summary>Terminates media: negotiates by SDP, and plays to and hears keys from many calls. Safe to call from any thread.</summary>
public interface IMediaEngine
{
    /// <summary>Answers an SDP offer (RFC 3264) and opens a session for it, or says with which SIP status to refuse. An empty offer makes an offer of ours.</summary>
    MediaAnswer Answer(ReadOnlySpan<byte> offer, MediaPolicy policy, IMediaEvents events);

    /// <summary>Opens a session for a call of ours, whose SDP is the offer; it shares the thread of the session that it is to be joined with, where there is one.</summary>
    MediaAnswer Offer(IMediaSession? beside, MediaPolicy policy, IMediaEvents events);
}

/// <param name="SecureSignalling">Whether the signalling is TLS: SDES keys are refused otherwise, unless <paramref name="SdesWithoutTls"/>.</param>
/// <param name="Srtp">What the trunk demands.</param>
/// <param name="SdesWithoutTls">See <see cref="EdgeTrunk.SdesWithoutTls"/>.</param>
public readonly record struct MediaPolicy(bool SecureSignalling, SrtpPolicy Srtp, bool SdesWithoutTls)
{
    /// <summary>Family of the signalling: that of media where the peer left the choice to us.</summary>
    public AddressFamily Family { get; init; }

    /// <summary>See <see cref="EdgeTrunk.Codecs"/>; null for all that we know.</summary>
    public IReadOnlyList<SdpCodec>? Codecs { get; init; }

    /// <summary>See <see cref="EdgeTrunk.Tones"/>.</summary>
    public ToneKeys Tones { get; init; }

    /// <summary>See <see cref="EdgeTrunk.SrtpSuites"/>; null for the usual ones.</summary>
    public IReadOnlyList<SrtpSuite>? Suites { get; init; }

    /// <summary>See <see cref="EdgeTrunk.SrtpOffers"/>.</summary>
    public SrtpOffers Offers { get; init; }

    /// <summary>The session of another edge with which this one goes on: its next description follows on this one. Null: a session of its own.</summary>
    public SdpOrigin? Follows { get; init; }

    internal SdpPolicy Rules => SdpPolicy.For(SecureSignalling, SdesWithoutTls, Srtp) with { Codecs = Codecs, Suites = Suites ?? SrtpSuite.Usual };
}

/// <summary>Either a session with the SDP to send, or a refusal.</summary>
public sealed class MediaAnswer
{
    public IMediaSession? Session { get; init; }
    public byte[] Sdp { get; init; } = [];

    /// <summary>SIP status of a refusal (488, 400, 415, 503); 0 when accepted.</summary>
    public int Status { get; init; }

    /// <summary>Why, from a closed vocabulary, for metrics and Warning.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>One call's media. Disposing frees its ports.</summary>
public interface IMediaSession : IDisposable
{
    string Codec { get; }

    bool Srtp { get; }

    CallKeying Keying { get; }

    /// <summary>What our last description said of itself.</summary>
    SdpOrigin Origin { get; }

    /// <summary>Of a call of ours: whether its offer is encryption and nothing else.</summary>
    bool OffersSrtp => Srtp;

    /// <summary>Answers a re-offer of the same call (hold, new address, new keys); a refusal leaves the session as it was.</summary>
    MediaAnswer Renegotiate(ReadOnlySpan<byte> offer);

    /// <summary>Takes the peer's answer to our offer. A provisional one may be followed by another, of another callee (RFC 3261 13.2.2.4).</summary>
    /// <returns>SIP status of a refusal; 0 when it is in force.</returns>
    int TakeAnswer(ReadOnlySpan<byte> answer);

    /// <summary>Whether the peer is known to send keys as RFC 4733 events: then what it says of keys in its signalling is said twice.</summary>
    bool SendsKeys { get; }

    /// <summary>Sends on to another session all audio and keys that are heard from now on, instead of reporting keys; null ends that.</summary>
    void SendOnTo(IMediaSession? other);

    /// <summary>Sends a key as RFC 4733 events, where the peer takes them.</summary>
    void Press(char key, int durationMs);

    /// <summary>Plays ringback until <see cref="Stop"/>, or until the other session has something to be heard.</summary>
    void Ring();

    /// <summary>As <see cref="Ring"/>, with this recorded prompt.</summary>
    void Hold(PromptPart sound);

    /// <summary>Moves within a play; nothing happens when it is not the one that plays. Heard in the next packet.</summary>
    void Seek(int playId, TimeSpan by);

    /// <summary>Keeps a play waiting where it is, for a minute at most, or lets it go on.</summary>
    void TogglePause(int playId);

    /// <summary>Sends nothing before this (until 200 is sent); then prompts and silence are paced by the media clock.</summary>
    void Start();

    /// <summary>Queues prompts behind what plays, without a gap. When the last packet of them left, <see cref="IMediaEvents.PlayEnded"/> is called with <paramref name="playId"/>.</summary>
    void Play(IReadOnlyList<PromptPart> prompts, int playId);

    /// <summary>Whether something plays or waits to.</summary>
    bool IsPlaying { get; }

    /// <summary>Stops and empties the queue at once; no <see cref="IMediaEvents.PlayEnded"/> follows for what was stopped.</summary>
    void Stop();

    /// <summary>Records what is heard and said from now on, in place of what was recorded until now; null ends that.</summary>
    void Record(CallRecording? recording);

    /// <summary>Whether a recording holds silence of both sides instead.</summary>
    void SetHush(Hush hush);

    MediaStatistics Statistics { get; }
}

/// <summary>Whether a recording is silent, because a secret may be keyed.</summary>
public enum Hush
{
    No = 0,

    /// <summary>From now on.</summary>
    FromNow,

    /// <summary>Also what was heard just before: keys are reported after they are heard.</summary>
    LookingBack,
}

/// <summary>Called by the media engine's threads: return quickly, never block, never throw.</summary>
public interface IMediaEvents
{
    /// <summary>A key was pressed (once per press): 0-9, *, #, A-D. <paramref name="durationMs"/> is what is known when it is reported.</summary>
    void Key(char key, int durationMs);

    /// <summary>A key was heard in the audio (once per press).</summary>
    void Tone(char key);

    void PlayEnded(int playId);

    /// <summary>The first packet of a play left; <paramref name="timestamp"/> is a <c>TimeProvider</c> timestamp.</summary>
    void PlayStarted(int playId, long timestamp);

    /// <summary>No RTP came for the media time-out.</summary>
    void TimedOut();

    /// <summary>What was measured so far, about every 5 s.</summary>
    void Measured(in MediaStatistics statistics)
    {
    }
}

/// <param name="Loss">Fraction of expected packets that did not come, 0 to 1 (RFC 3550 A.3).</param>
/// <param name="JitterMs">Interarrival jitter in ms (RFC 3550 A.8).</param>
public readonly record struct StreamQuality(double Loss, double JitterMs);

/// <summary>Both directions of a call: what came here, and what the peer reports of what we sent.</summary>
/// <param name="Loss">See <see cref="StreamQuality"/>.</param>
/// <param name="JitterMs">See <see cref="StreamQuality"/>.</param>
public readonly record struct MediaStatistics(long PacketsSent, long PacketsReceived, double Loss, double JitterMs)
{
    /// <summary>Null when the peer reported nothing of it.</summary>
    public StreamQuality? AtPeer { get; init; }

    /// <summary>Between the two ends of RTP; null when it could not be measured.</summary>
    public TimeSpan? RoundTrip { get; init; }

    /// <summary>How what we hear sounds, and what the peer hears; null while too little is known.</summary>
    public VoiceRating? Heard { get; init; }
    public VoiceRating? Said { get; init; }

    /// <summary>MOS-CQ of the call (ITU-T G.107): that of the worse direction, for that is what people complain of.</summary>
    public double? Mos => (Heard?.MosConversation, Said?.MosConversation) switch
    {
        ({ } heard, { } said) => Math.Min(heard, said),
        var (heard, said) => heard ?? said,
    };
}
