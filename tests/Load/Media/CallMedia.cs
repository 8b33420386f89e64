using System.Net;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;
using IvrActors.Load.Report;

namespace IvrActors.Load.Media;

/// <summary>
/// The media of one call: checks every packet that comes (codec, size, source, order, timestamp, SRTP tag, and whether it is audible) and sends
/// what a phone sends (silence, and keys by RFC 4733). The receiving thread, the sending thread and the engine each touch fields of their own.
/// </summary>
internal sealed class CallMedia(MediaReceiver receiver, byte payloadType, byte eventType, Result result) : IDisposable
{
    private const int Frame = 160;
    private const long FrameTicks = 20 * TimeSpan.TicksPerMillisecond;

    // A key of 60 ms, three end packets, and 40 ms until the next: the quickest that people type and DTMF allows (Q.24: 40 ms on, 40 ms off).
    private const int KeyFrames = 3, EndPackets = 3, PauseFrames = 2;
    private const long KeyEndDelay = (KeyFrames - 1) * FrameTicks;

    // Samples that a sender which stood still may leave out at once: 10 s. A larger step is a wrong timestamp.
    private const uint MostLeftOut = 80_000;

    // |sample| of 16-bit audio above which a packet counts as heard.
    private const int Audible = 400;

    private readonly byte _silence = payloadType == 8 ? (byte)0xD5 : (byte)0xFF;
    private readonly byte[] _packet = new byte[12 + Frame + 16];
    private readonly Queue<char> _keys = new();
    private SocketAddress? _remote;
    private int _remotePort;
    private SrtpSender? _protect;
    private SrtpReceiver? _unprotect;

    // receiving
    private bool _started;
    private uint _ssrc, _timestamp;
    private ushort _sequence;
    private long _lastArrival, _lastAudible;
    private long _movedAfter;
    private long _received, _audible;
    private long _answer;
    private readonly Lock _hearing = new();
    private HashSet<ulong> _heard = [];

    // sending
    private long _nextSend;
    private ushort _outSequence = 1;
    private uint _outTimestamp = 160, _eventTimestamp, _outSsrc;
    private int _keyPhase = -1;
    private char _key;
    private long _lastKeyStart;
    private volatile bool _keysPending;

    // measuring
    private string? _awaited;
    private bool _unheard, _asked;

    public long Received => Volatile.Read(ref _received);

    /// <summary>Packets that a person would have heard something in.</summary>
    public long AudiblePackets => Volatile.Read(ref _audible);

    /// <summary>When audio last came, in UTC ticks; 0 before any.</summary>
    public long LastAudible => Volatile.Read(ref _lastAudible);

    /// <summary>From the last key of the input before to the audio that answered it, in ticks.</summary>
    public long LastAnswer => Volatile.Read(ref _answer);

    /// <summary>Hashes of the packets that were heard since it was last asked for.</summary>
    public IReadOnlySet<ulong> TakeHeard()
    {
        lock (_hearing)
        {
            var heard = _heard;
            _heard = [];
            return heard;
        }
    }

    public bool KeysPending => _keysPending;

    public bool AwaitsPrompt => Volatile.Read(ref _awaited) is not null;

    /// <summary>What the caller demands of the whole call's media; null when it is satisfied.</summary>
    public string? Fault { get; private set; }

    /// <summary>Begins to send to and hear from the server. The keys are this side's and the server's SDES keys, or null for plain RTP.</summary>
    public void Start(IPEndPoint remote, SrtpMasterKey? ownKey, SrtpMasterKey? serverKey, long now, uint ssrc)
    {
        _remotePort = remote.Port;
        _outSsrc = ssrc;
        if (ownKey is not null && serverKey is not null)
        {
            _protect = new SrtpSender(ownKey);
            _unprotect = new SrtpReceiver(serverKey);
        }
        // Each phone has its own 20 ms: calls that begin at a steady rate would otherwise all send at the same moments.
        _nextSend = now + (long)(ssrc / 4294967296.0 * FrameTicks);
        receiver.Attach(_remotePort, this);
        Volatile.Write(ref _remote, remote.Serialize());
    }

    /// <summary>Sends to another edge from now on, and hears it. How long nothing was heard is recorded with its first packet.</summary>
    public void Move(IPEndPoint remote, SrtpMasterKey? serverKey, long now)
    {
        receiver.Detach(_remotePort);
        Volatile.Write(ref _movedAfter, _lastArrival == 0 ? now : _lastArrival);
        if (serverKey is not null) Volatile.Write(ref _unprotect, new SrtpReceiver(serverKey));
        Volatile.Write(ref _started, false);
        _remotePort = remote.Port;
        receiver.Attach(_remotePort, this);
        Volatile.Write(ref _remote, remote.Serialize());
    }

    /// <summary>Types keys; when <paramref name="input"/> has a name, the time until the next audio is recorded under it.</summary>
    public void Type(string keys, string? input)
    {
        lock (_keys)
        {
            foreach (var key in keys) _keys.Enqueue(key);
            _keysPending = true;
            Volatile.Write(ref _lastKeyStart, 0);
            Volatile.Write(ref _awaited, input);
            (_unheard, _asked) = (true, false);
        }
    }

    /// <summary>Sends the packets that are due; called by the sending thread.</summary>
    public void SendDue(long now)
    {
        if (Volatile.Read(ref _remote) is not { } remote) return;
        while (_nextSend <= now)
        {
            _nextSend += FrameTicks;
            _outTimestamp += Frame;
            if (_keyPhase < 0) TakeKey();
            if (_keyPhase < 0) SendAudio(remote);
            else SendKey(remote);
        }
    }

    /// <summary>Checks one packet; called by the receiving thread.</summary>
    public void Receive(Span<byte> packet, long arrival)
    {
        if (RtpHeader.TryRead(packet, out var header) != RtpRejection.None) Wrong("no RTP");
        else if (!Decrypt(ref packet, header)) Wrong("SRTP tag");
        else if (header.PayloadType != payloadType) Wrong("codec");
        else if (header.TryGetPayload(packet, out var payload) != RtpRejection.None || payload.Length != Frame) Wrong("packet size");
        else
        {
            CheckOrder(header, arrival);
            Listen(payload, arrival);
        }
    }

    public void Dispose()
    {
        Volatile.Write(ref _remote, null);
        if (_remotePort != 0) receiver.Detach(_remotePort);
        Interlocked.Add(ref result.PacketsReceived, _received);
    }

    private bool Decrypt(ref Span<byte> packet, in RtpHeader header)
    {
        if (_unprotect is null) return true;
        if (_unprotect.UnprotectRtp(packet, header.Length, out var length) != SrtpRejection.None) return false;
        packet = packet[..length];
        return true;
    }

    private void CheckOrder(in RtpHeader header, long arrival)
    {
        if (_started)
        {
            var step = (short)(header.Sequence - _sequence);
            if (header.Ssrc != _ssrc) Wrong("source changed");
            else if (step <= 0) Wrong("order");
            else if (!IsStep(header, step)) Wrong("timestamp step");
            if (step == 1) result.GapNow.Record(arrival - _lastArrival);
            else if (step > 1) Interlocked.Add(ref result.PacketsLost, step - 1);
        }
        if (!_started && Interlocked.Exchange(ref _movedAfter, 0) is > 0 and var before) result.Silences.Add(arrival - before);
        _started = true;
        (_ssrc, _sequence, _timestamp, _lastArrival) = (header.Ssrc, header.Sequence, header.Timestamp, arrival);
        Volatile.Write(ref _received, _received + 1);
    }

    // The timestamp follows the sampling clock, not the packets (RFC 3550 5.1): a sender that stood still leaves frames out, whole ones, and sets the
    // marker where it goes on.
    private bool IsStep(in RtpHeader header, int packets)
    {
        var step = header.Timestamp - _timestamp;
        if (step == Frame * (uint)packets) return true;
        if (step > MostLeftOut || step < Frame * (uint)packets || step % Frame != 0 || (packets == 1 && !header.Marker)) return false;
        Interlocked.Add(ref result.FramesLeftOut, (int)(step / Frame) - packets);
        return true;
    }

    private void Listen(ReadOnlySpan<byte> payload, long arrival)
    {
        // Exact digital silence has two codes, plus and minus zero.
        if (!payload.ContainsAnyExcept(_silence, (byte)(_silence ^ 0x80))) return;
        var hash = Patience.HashOf(payload);
        if (Volatile.Read(ref _awaited) is { } input && Volatile.Read(ref _lastKeyStart) is > 0 and var start && arrival >= start)
        {
            if (_unheard)
            {
                _unheard = false;
                result.KeyToPrompt.Record(arrival - start);
                result.KeyEndToPrompt.Record(arrival - start - KeyEndDelay);
                result.KeyToPromptOf.GetOrAdd(input, _ => new Histogram()).Record(arrival - start);
            }
            if (Patience.Holds(hash))
            {
                if (!_asked) Interlocked.Increment(ref result.AskedForPatience);
                _asked = true;
                return;
            }
            Volatile.Write(ref _answer, arrival - start);
            result.KeyToControl.Record(arrival - start);
            Volatile.Write(ref _awaited, null);
        }
        if (!IsAudible(payload)) return;
        Volatile.Write(ref _lastAudible, arrival);
        Volatile.Write(ref _audible, _audible + 1);
        lock (_hearing) _heard.Add(hash);
    }

    private bool IsAudible(ReadOnlySpan<byte> payload)
    {
        foreach (var code in payload)
        {
            if (Math.Abs((int)(payloadType == 8 ? Edge.Media.G711.DecodeALaw(code) : Edge.Media.G711.DecodeMuLaw(code))) > Audible) return true;
        }
        return false;
    }

    private void Wrong(string what)
    {
        Fault ??= "media: " + what;
        Interlocked.Increment(ref result.MediaFaults);
    }

    private void TakeKey()
    {
        lock (_keys)
        {
            if (!_keys.TryDequeue(out _key)) return;
        }
        _keyPhase = 0;
        _eventTimestamp = _outTimestamp;
    }

    private void SendAudio(SocketAddress remote)
    {
        _packet.AsSpan(12, Frame).Fill(_silence);
        Send(remote, payloadType, _outTimestamp, Frame, marker: false);
    }

    // One frame of a key: updates while it is held, then its end three times at once (RFC 4733 2.5.1.4), then a pause.
    private void SendKey(SocketAddress remote)
    {
        _keyPhase++;
        if (_keyPhase <= KeyFrames)
        {
            bool isLast;
            lock (_keys) isLast = _keys.Count == 0;
            var end = _keyPhase == KeyFrames;
            if (isLast && _keyPhase == 1) Volatile.Write(ref _lastKeyStart, DateTime.UtcNow.Ticks);
            if (isLast && end) _keysPending = false;
            for (var copy = 0; copy < (end ? EndPackets : 1); copy++)
            {
                new TelephoneEvent(TelephoneEvent.NumberOf(_key)!.Value, end, 10, (ushort)(_keyPhase * Frame)).Write(_packet.AsSpan(12));
                Send(remote, eventType, _eventTimestamp, TelephoneEvent.Size, marker: _keyPhase == 1);
            }
        }
        else if (_keyPhase >= KeyFrames + PauseFrames)
        {
            _keyPhase = -1;
        }
    }

    private void Send(SocketAddress remote, byte type, uint timestamp, int size, bool marker)
    {
        var header = new RtpHeader { PayloadType = type, Marker = marker, Sequence = _outSequence++, Timestamp = timestamp, Ssrc = _outSsrc };
        header.Write(_packet);
        var length = 12 + size;
        if (_protect is not null) length = _protect.ProtectRtp(_packet, length, 12);
        receiver.Socket.SendTo(_packet.AsSpan(0, length), System.Net.Sockets.SocketFlags.None, remote);
    }
}
