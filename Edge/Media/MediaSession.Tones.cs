using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Media;

/// <summary>Keys that come as tones in the audio, from telephones and gateways that send nothing better.</summary>
internal sealed partial class MediaSession
{
    private ToneListener? _tones;

    // Who sends events: its tones are the same keys once more.
    private bool ListensForTones => !(_sendsKeys && _agreed!.EventPayloadType is not null) && _policy.Tones switch
    {
        ToneKeys.Always => true,
        ToneKeys.Never => false,
        _ => _agreed!.EventPayloadType is null,
    };

    private int HearTones(in HeardPacket heard, Span<char> keys)
    {
        if (!ListensForTones)
        {
            _tones?.Clear();
            _tones = null;
            return 0;
        }
        if (heard.Codec is not (SdpCodec.Pcmu or SdpCodec.Pcma)) return 0;
        var count = (_tones ??= new ToneListener()).Hear(heard.Header, heard.Payload, heard.Codec == SdpCodec.Pcma, keys);
        _loop.Tally.Digits += count;
        return count;
    }
}
