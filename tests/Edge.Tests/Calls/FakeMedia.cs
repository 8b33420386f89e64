using System.Text;
using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Sdp;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Tests.Calls;

/// <summary>Media without sockets: records what it is told; the test plays the part of the media threads.</summary>
internal sealed class FakeMediaEngine : IMediaEngine
{
    public List<FakeMediaSession> Sessions { get; } = [];

    public int RefuseWith { get; set; }

    public MediaPolicy LastPolicy { get; private set; }

    public MediaAnswer Answer(ReadOnlySpan<byte> offer, MediaPolicy policy, IMediaEvents events)
    {
        LastPolicy = policy;
        if (RefuseWith != 0) return new MediaAnswer { Status = RefuseWith, Reason = "test" };
        var session = new FakeMediaSession(events) { Srtp = policy.SecureSignalling };
        lock (Sessions) Sessions.Add(session);
        return new MediaAnswer { Session = session, Sdp = "v=0\r\n"u8.ToArray() };
    }

    public MediaAnswer Offer(IMediaSession? beside, MediaPolicy policy, IMediaEvents events)
    {
        if (RefuseOffersOfOursWith != 0) return new MediaAnswer { Status = RefuseOffersOfOursWith, Reason = "test" };
        LastPolicy = policy;
        var session = new FakeMediaSession(events) { Srtp = policy.SecureSignalling };
        lock (Sessions) Sessions.Add(session);
        return new MediaAnswer { Session = session, Sdp = "v=0\r\no=ours\r\n"u8.ToArray() };
    }

    public int RefuseOffersOfOursWith { get; set; }
}

internal sealed class FakeMediaSession(IMediaEvents events) : IMediaSession
{
    public IMediaEvents Events { get; } = events;

    public bool Started { get; private set; }

    public bool Disposed { get; private set; }

    public int Stops { get; private set; }

    /// <summary>Whether prompts end at once, as for a caller with no ears.</summary>
    public bool EndsPlaysAtOnce { get; set; }

    public int RefuseOffersWith { get; set; }

    public List<string> Offers { get; } = [];

    public List<(int Id, string Prompts)> Plays { get; } = [];

    public string Codec => "PCMA";

    public bool Srtp { get; init; }

    public CallKeying Keying => Srtp ? CallKeying.Sdes : CallKeying.None;

    public SdpOrigin Origin { get; set; } = new(77, 1, "198.51.100.1");

    public bool SendsKeys { get; set; }

    public bool IsPlaying { get; set; }

    public MediaStatistics Statistics => new(1, 2, 0.25, 3) { AtPeer = new StreamQuality(0.02, 4), RoundTrip = TimeSpan.FromMilliseconds(80) };

    public MediaAnswer Renegotiate(ReadOnlySpan<byte> offer)
    {
        Offers.Add(Encoding.ASCII.GetString(offer));
        return RefuseOffersWith != 0 ? new MediaAnswer { Status = RefuseOffersWith } : new MediaAnswer { Session = this, Sdp = "v=1\r\n"u8.ToArray() };
    }

    public void Start() => Started = true;

    public int RefuseAnswersWith { get; set; }

    public List<string> Answers { get; } = [];

    public IMediaSession? SendsOnTo { get; private set; }

    public int Rings { get; private set; }

    public int TakeAnswer(ReadOnlySpan<byte> answer)
    {
        Answers.Add(Encoding.ASCII.GetString(answer));
        return RefuseAnswersWith;
    }

    void IMediaSession.SendOnTo(IMediaSession? other) => SendsOnTo = other;

    public void Ring() => Rings++;

    /// <summary>What was done with what plays: prompts on hold, moves in seconds, pauses.</summary>
    public List<string> Moves { get; } = [];

    public void Hold(PromptPart sound) => Moves.Add("hold " + sound.Prompt);

    public void Seek(int playId, TimeSpan by) => Moves.Add($"{playId} by {by.TotalSeconds}");

    public void TogglePause(int playId) => Moves.Add($"{playId} pause");

    public List<char> Pressed { get; } = [];

    public void Press(char key, int durationMs) => Pressed.Add(key);

    public void Play(IReadOnlyList<PromptPart> prompts, int playId)
    {
        Plays.Add((playId, string.Join('+', prompts.Select(prompt => prompt.Prompt))));
        if (EndsPlaysAtOnce) Events.PlayEnded(playId);
    }

    public CallRecording? Recording { get; private set; }

    /// <summary>Each change of whether a recording is silent.</summary>
    public List<Hush> Hushes { get; } = [];

    public void Record(CallRecording? recording) => Recording = recording;

    public void SetHush(Hush hush) => Hushes.Add(hush);

    public void Stop() => Stops++;

    public void Dispose() => Disposed = true;
}
