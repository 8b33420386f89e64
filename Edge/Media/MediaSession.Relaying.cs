using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Media;

/// <summary>One packet of the peer, in clear.</summary>
/// <param name="codec"><see cref="SdpCodec.Other"/> for comfort noise, which is of no use to the other leg: it gets silence of ours.</param>
internal readonly ref struct HeardPacket(RtpHeader header, ReadOnlySpan<byte> payload, SdpCodec codec)
{
    public RtpHeader Header { get; } = header;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public SdpCodec Codec { get; } = codec;
}

/// <summary>
/// Media of a bridged call: what one session hears, decrypted, goes out of the other, encrypted as that one's trunk wants it. Each side keeps its own SSRC, keys, reports and
/// codec, so neither peer sees the other; codecs are turned into each other where the legs differ.
/// </summary>
internal sealed partial class MediaSession
{
    /// <summary>Longest payload that is carried: 160 ms of G.711. Longer packets than anybody sends are not worth their room.</summary>
    private const int MostCarried = 1280;

    /// <summary>Frames (100 ms) without a packet of the other leg, after which silence of ours fills the stream: NATs stay open, and nobody takes the call for dead.</summary>
    private const int MostFramesWithout = 5;

    /// <summary>Keys that wait; nobody types faster than they are sent for long.</summary>
    private const int MostPresses = 32;

    private RelayMap _relay;
    private MediaSession? _sendsOnTo;
    private int _framesWithout = MostFramesWithout;
    private readonly Queue<DtmfPress> _presses = new();
    private DtmfPress? _press;
    private uint _pressedAt;

    public void SendOnTo(IMediaSession? other)
    {
        lock (_gate) _sendsOnTo = _closed ? null : other as MediaSession;
    }

    public void Press(char key, int durationMs)
    {
        lock (_gate)
        {
            // One key at a time, as a thumb presses them: the next one waits.
            if (!_closed && _agreed?.EventPayloadType is not null && _presses.Count < MostPresses) _presses.Enqueue(new DtmfPress(key, durationMs));
        }
    }

    /// <summary>Sends the packet that is due of a key that is being pressed. Nothing else is heard meanwhile.</summary>
    private bool SendPress()
    {
        if (_press is null)
        {
            if (!_presses.TryDequeue(out var next)) return false;
            (_press, _pressedAt) = (next, _timestamp);
        }
        var press = _press.Value;
        var goesOn = press.TryNext(out var one);
        _press = goesOn ? press : null;
        _timestamp += Telephone.FrameSamples;
        if (!goesOn || _agreed is not { Sends: true, EventPayloadType: { } payloadType } || _peer.Target.IsNone) return true;

        Span<byte> packet = stackalloc byte[RtpHeader.Size + TelephoneEvent.Size + SrtpSuite.MostTagSize];
        new RtpHeader { PayloadType = payloadType, Marker = one.Marker, Sequence = _sequence++, Timestamp = _pressedAt * _clock, Ssrc = _ssrc }.Write(packet);
        var length = RtpHeader.Size + WriteEvent(one.Event, packet[RtpHeader.Size..]);
        if (_sender is not null) length = _sender.ProtectRtp(packet, length, RtpHeader.Size);
        _rtp!.Send(packet[..length], _peer.Target);
        _relay.Interrupt();
        (_resumes, _talking, _lastSent) = (true, false, 0);
        _packetsSent++;
        _octetsSent += TelephoneEvent.Size;
        _loop.Tally.Sent++;
        return true;
    }

    private SdpCodec CodecOf(byte payloadType, bool isEvent)
    {
        if (isEvent) return SdpCodec.TelephoneEvent;
        if (payloadType == _agreed!.PayloadType) return _agreed.Codec;
        return payloadType switch { 0 => SdpCodec.Pcmu, 8 => SdpCodec.Pcma, _ => SdpCodec.Other };
    }

    /// <summary>Whether the other leg's packets make up the stream, so that none of ours is due. Time passes all the same.</summary>
    private bool IsCarryingNow()
    {
        if (_framesWithout >= MostFramesWithout || !_player.IsIdle) return false;
        _framesWithout++;
        _timestamp += Telephone.FrameSamples;
        return true;
    }

    /// <summary>Sends a packet of the other leg on in this one's stream. On the loop's thread, which both share.</summary>
    /// <param name="restarts">Whether the other side's clock is another one from this packet on.</param>
    private void Carry(in HeardPacket heard, bool restarts, MediaTally tally)
    {
        var payload = heard.Payload;
        if (_failed || heard.Codec == SdpCodec.Other || payload.Length is 0 or > MostCarried) return;
        lock (_gate)
        {
            if (_closed || !_started || _agreed is not { Sends: true } agreed || _peer.Target.IsNone) return;
            var isEvent = heard.Codec == SdpCodec.TelephoneEvent;
            if (isEvent && agreed.EventPayloadType is null) return;
            // RFC 3960 3.2: what the callee's side sends before the answer is heard instead of our ringback.
            if (_player.IsRepeating) _player.Stop();
            if (restarts) _relay.Interrupt();
            if (!_player.IsIdle || _press is not null || !_relay.TryMap(heard.Header, _sequence, _timestamp, out var place)) return;
            // The number is given, whatever becomes of the packet: under SRTP none may be given twice.
            if (place.IsNewest)
            {
                _sequence = (ushort)(place.Sequence + 1);
                // A press of a key stands still in time while it lasts.
                if (!isEvent) _timestamp = place.Timestamp + (uint)payload.Length;
            }

            Span<byte> packet = stackalloc byte[RtpHeader.Size + MostCarried + SrtpSuite.MostTagSize];
            var carried = !isEvent ? Transcode(payload, packet.Slice(RtpHeader.Size, MostCarried), heard.Codec, agreed.Codec) : TelephoneEvent.TryRead(payload, out var one) ? WriteEvent(one, packet[RtpHeader.Size..]) : 0;
            if (carried == 0) return;
            new RtpHeader
            {
                PayloadType = isEvent ? agreed.EventPayloadType!.Value : agreed.PayloadType,
                Marker = heard.Header.Marker || (place.Begins && !isEvent),
                Sequence = place.Sequence,
                Timestamp = place.Timestamp * _clock,
                Ssrc = _ssrc,
            }.Write(packet);
            RecordCarried(heard);
            var length = RtpHeader.Size + carried;
            if (_sender is not null) length = _sender.ProtectRtp(packet, length, RtpHeader.Size);
            _rtp!.Send(packet[..length], _peer.Target);

            _framesWithout = 0;
            (_resumes, _talking, _lastSent) = (true, false, 0);
            _packetsSent++;
            _octetsSent += (uint)carried;
            tally.Sent++;
            tally.Relayed++;
        }
    }

    /// <summary>Turns audio into the codec of this leg; gives its length, or 0 when it cannot be.</summary>
    private int Transcode(ReadOnlySpan<byte> payload, Span<byte> output, SdpCodec from, SdpCodec to)
    {
        if (to == SdpCodec.Opus) return Bridge.Encode(payload, from == SdpCodec.Pcma, output);
        if (from == to)
        {
            payload.CopyTo(output);
            return payload.Length;
        }
        for (var i = 0; i < payload.Length; i++) output[i] = to == SdpCodec.Pcma ? G711.MuLawToALaw(payload[i]) : G711.ALawToMuLaw(payload[i]);
        return payload.Length;
    }
}
