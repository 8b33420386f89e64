using System.Security.Cryptography;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Recording;

/// <summary>
/// Both sides of a call on their way to the disk: a ring of frames (20 ms) that the media clock moves on and one other thread empties. Nothing here waits or allocates.
/// The newest frames stay open for <see cref="DelayFrames"/>, so that late packets find their place and a key that is reported late is silenced where it was heard.
/// All but <see cref="Read"/> is called by one thread at a time (a media session's lock sees to it).
/// </summary>
public sealed class CallRecording
{
    /// <summary>500 ms: an INFO for a key comes when that is released.</summary>
    public const int DelayFrames = 25;

    /// <summary>100 ms that packets may be ahead of the clock.</summary>
    private const int AheadFrames = 5;

    private const int FrameBytes = Telephone.FrameSamples * RecordingHeader.Channels;
    private const int FramesPerSecond = 1000 / Telephone.FrameMs;

    /// <summary>Over 5 s; a disk that stands still longer loses audio, and no call waits for it.</summary>
    private const int RingFrames = 256;

    private const int CallerSide = 0, HeardSide = 1;

    private readonly byte[] _ring = new byte[RingFrames * FrameBytes];
    private readonly bool[] _secret = new bool[RingFrames];
    private readonly byte _silence;
    private readonly bool _aLaw;
    private Timeline _caller;
    private Timeline _heard;
    private long _start = -1;
    private long _head = -1;
    private long _committed;
    private long _read;
    private long _dropped;
    private bool _isSecret;
    private bool _stalled;
    private bool _finished;

    public CallRecording(bool aLaw)
    {
        _aLaw = aLaw;
        _silence = aLaw ? G711.ALawSilence : G711.MuLawSilence;
        _ring.AsSpan().Fill(_silence);
    }

    /// <summary>Frames whose audio was lost, because the disk did not follow. Read by any thread.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Whether nothing more will be added.</summary>
    public bool IsFinished => Volatile.Read(ref _finished);

    /// <summary>Moves on to a frame of the media clock. What no side fills stays silent.</summary>
    public void Advance(long frame)
    {
        if (_start < 0) _start = frame;
        var target = frame - _start;
        while (_head < target && TryPush())
        {
        }
        _stalled = _head < target;
        if (_stalled) Interlocked.Increment(ref _dropped);
        if (_head >= DelayFrames) Volatile.Write(ref _committed, _head + 1 - DelayFrames);
    }

    /// <summary>The frame that the caller is sent now.</summary>
    public void Say(ReadOnlySpan<byte> frame, bool aLaw) => Write(HeardSide, _head * Telephone.FrameSamples, frame, aLaw);

    /// <summary>A packet of the caller, placed by its timestamp.</summary>
    public void Hear(uint ssrc, uint timestamp, ReadOnlySpan<byte> payload, bool aLaw) => Place(CallerSide, ref _caller, ssrc, timestamp, payload, aLaw);

    /// <summary>A packet of whom the caller is bridged with.</summary>
    public void Carry(uint ssrc, uint timestamp, ReadOnlySpan<byte> payload, bool aLaw) => Place(HeardSide, ref _heard, ssrc, timestamp, payload, aLaw);

    /// <summary>While a secret may be keyed, both sides are silence and marked so: from the oldest frame on that is still open, or from the next one.</summary>
    public void Hush(Hush hush)
    {
        _isSecret = hush != Media.Hush.No;
        if (!_isSecret) return;
        for (var frame = hush == Media.Hush.LookingBack ? Math.Max(0, _committed) : _head + 1; frame <= _head + AheadFrames; frame++)
        {
            _secret[frame % RingFrames] = true;
            Slot(frame).Fill(_silence);
        }
    }

    /// <summary>Nothing more will come: all that is there is to be written.</summary>
    public void Finish()
    {
        if (_finished) return;
        Volatile.Write(ref _committed, _head + 1);
        Volatile.Write(ref _finished, true);
    }

    /// <summary>Takes the oldest frames, at most a second, none of which differs from the others in being secret. For one other thread.</summary>
    /// <returns>Bytes; 0 when nothing is there yet.</returns>
    public int Read(Span<byte> audio, out bool secret)
    {
        var committed = Volatile.Read(ref _committed);
        var first = _read;
        secret = first < committed && _secret[first % RingFrames];
        var frame = first;
        for (; frame < committed && frame - first < FramesPerSecond && _secret[frame % RingFrames] == secret; frame++)
        {
            Slot(frame).CopyTo(audio[((int)(frame - first) * FrameBytes)..]);
            CryptographicOperations.ZeroMemory(Slot(frame));
        }
        Volatile.Write(ref _read, frame);
        return (int)(frame - first) * FrameBytes;
    }

    private bool TryPush()
    {
        var ahead = _head + 1 + AheadFrames;
        if (ahead - Volatile.Read(ref _read) >= RingFrames) return false;
        _head++;
        Slot(ahead).Fill(_silence);
        _secret[ahead % RingFrames] = _isSecret;
        return true;
    }

    private void Place(int side, ref Timeline timeline, uint ssrc, uint timestamp, ReadOnlySpan<byte> payload, bool aLaw)
    {
        if (_head < 0 || _stalled) return;
        var oldest = _committed * Telephone.FrameSamples;
        var newest = (_head + 1 + AheadFrames) * Telephone.FrameSamples;
        if (timeline.TryPlace(ssrc, timestamp, payload.Length, oldest, _head * Telephone.FrameSamples, newest, out var at)) Write(side, at, payload, aLaw);
    }

    private void Write(int side, long at, ReadOnlySpan<byte> payload, bool aLaw)
    {
        if (_head < 0 || _stalled) return;
        foreach (var sample in payload)
        {
            var frame = at / Telephone.FrameSamples;
            if (!_secret[frame % RingFrames])
                Slot(frame)[(int)(at % Telephone.FrameSamples) * RecordingHeader.Channels + side] = aLaw == _aLaw ? sample : aLaw ? G711.ALawToMuLaw(sample) : G711.MuLawToALaw(sample);
            at++;
        }
    }

    private Span<byte> Slot(long frame) => _ring.AsSpan((int)(frame % RingFrames) * FrameBytes, FrameBytes);
}
