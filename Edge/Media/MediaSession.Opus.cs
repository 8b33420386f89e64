using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Media;

/// <summary>
/// Opus on the wire. All else in a session counts 8 kHz and knows G.711 only: timestamps are multiplied when a packet leaves and divided when one comes, prompts are there as
/// Opus already, and what the peer says is decoded only when somebody listens to it.
/// </summary>
internal sealed partial class MediaSession
{
    private uint _clock = 1, _eventClock = 1; // RTP ticks, and those of events' durations, for each sample at 8 kHz.
    private OpusClock _peerClock;
    private bool _peerRestarts;
    private OpusBridge? _opus;

    private bool IsOpus => _clock != 1;

    private OpusBridge Bridge => _opus ??= new OpusBridge();

    private void SetClock()
    {
        _eventClock = _agreed!.EventsAt48k ? OpusAudio.ClockFactor : 1u;
        var clock = _agreed.Codec == SdpCodec.Opus ? OpusAudio.ClockFactor : 1u;
        if (clock == _clock) return;
        // Another clock is another stream (RFC 7160 4.1), ours and the peer's.
        BeginStream();
        (_clock, _peerClock, _peerRestarts, _heardAny) = (clock, default, true, false);
        if (IsOpus) _player.PrepareOpus();
    }

    /// <summary>The next 20 ms of what is played, in the codec of the call; false when they are silence.</summary>
    private bool FillFrame(Span<byte> payload, out int length)
    {
        if (!IsOpus)
        {
            length = Telephone.FrameSamples;
            var isSpeech = _player.Fill(payload[..length], _agreed!.Codec == SdpCodec.Pcma, _played);
            RecordSaid(payload[..length]);
            return isSpeech;
        }
        length = OpusAudio.FrameBytes;
        Span<byte> frame = stackalloc byte[Telephone.FrameSamples];
        var speech = _player.Fill(frame, aLaw: false, _played, payload[..length]);
        RecordSaid(frame);
        return speech;
    }

    /// <summary>What was heard, as it would be beside G.711. Audio only when it is recorded, carried on or listened to for keys; else it stays as it is, and nobody looks at it.</summary>
    private HeardPacket ToTelephone(in HeardPacket heard, Span<byte> audio)
    {
        if (heard.Codec == SdpCodec.TelephoneEvent)
        {
            if (!TelephoneEvent.TryRead(heard.Payload, out var one)) return heard;
            (one with { Duration = (ushort)(one.Duration / _eventClock) }).Write(audio);
            return new HeardPacket(heard.Header, audio[..TelephoneEvent.Size], heard.Codec);
        }
        if (_recording is null && _sendsOnTo is null && !ListensForTones) return heard;
        var length = Bridge.Decode(heard.Payload, audio);
        return new HeardPacket(heard.Header, audio[..length], length == 0 ? SdpCodec.Other : SdpCodec.Pcmu);
    }

    /// <summary>Writes an event with the durations of the call and gives its length.</summary>
    private int WriteEvent(TelephoneEvent one, Span<byte> payload)
    {
        // Longer than the field holds is as long as it holds (RFC 4733 2.5.1.3 would begin a new segment: nobody's key needs it).
        (one with { Duration = (ushort)Math.Min(one.Duration * _eventClock, ushort.MaxValue) }).Write(payload);
        return TelephoneEvent.Size;
    }
}
