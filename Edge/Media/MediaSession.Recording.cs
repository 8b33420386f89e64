using IvrActors.Edge.Recording;
using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Media;

/// <summary>What of a session goes into a recording: what it hears, and what it sends. All under the session's lock.</summary>
internal sealed partial class MediaSession
{
    private CallRecording? _recording;
    private Hush _hush;

    public void Record(CallRecording? recording)
    {
        lock (_gate)
        {
            _recording?.Finish();
            _recording = _closed ? null : recording;
            if (_closed) recording?.Finish();
            else recording?.Hush(_hush);
        }
    }

    public void SetHush(Hush hush)
    {
        lock (_gate)
        {
            _hush = hush;
            _recording?.Hush(hush);
        }
    }

    private void RecordHeard(in HeardPacket heard)
    {
        if (heard.Codec is SdpCodec.Pcmu or SdpCodec.Pcma) _recording?.Hear(heard.Header.Ssrc, heard.Header.Timestamp, heard.Payload, heard.Codec == SdpCodec.Pcma);
    }

    private void RecordSaid(ReadOnlySpan<byte> frame) => _recording?.Say(frame, _agreed!.Codec == SdpCodec.Pcma);

    private void RecordCarried(in HeardPacket heard)
    {
        if (heard.Codec is SdpCodec.Pcmu or SdpCodec.Pcma) _recording?.Carry(heard.Header.Ssrc, heard.Header.Timestamp, heard.Payload, heard.Codec == SdpCodec.Pcma);
    }
}
