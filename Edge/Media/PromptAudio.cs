namespace IvrActors.Edge.Media;

/// <summary>One prompt, encoded once for each codec and shared by all calls: for G.711 from the start, for Opus when the first call needs it. May still be rendering.</summary>
public sealed class PromptAudio
{
    private readonly Lock _lock = new();
    private Dictionary<int, PromptAudio>? _byGain;
    private volatile State _state;
    private byte[] _muLaw = [];
    private byte[] _aLaw = [];
    private volatile byte[]? _opus;
    private int _opusAsked, _opusBegun;

    private enum State
    {
        Pending = 0,
        Ready,
        Failed,
    }

    /// <summary>A prompt that is being rendered: the player waits for it with silence.</summary>
    public static PromptAudio Pending() => new();

    public static PromptAudio FromLinear(ReadOnlySpan<short> samples)
    {
        var audio = new PromptAudio();
        audio.Complete(samples);
        return audio;
    }

    public bool IsPending => _state == State.Pending;

    public bool IsReady => _state == State.Ready;

    /// <summary>G.711 bytes, one a sample at 8 kHz; empty when it is not (or never will be) ready.</summary>
    public ReadOnlySpan<byte> Bytes(bool aLaw) => !IsReady ? default : aLaw ? _aLaw : _muLaw;

    /// <summary>The same, louder by so many dB; made once and shared like this one, and ready when this one is.</summary>
    public PromptAudio WithGain(int decibels)
    {
        decibels = Math.Clamp(decibels, Volume.Least, Volume.Most);
        if (decibels == 0) return this;
        lock (_lock)
        {
            _byGain ??= [];
            if (_byGain.TryGetValue(decibels, out var known)) return known;
            var louder = new PromptAudio();
            _byGain.Add(decibels, louder);
            louder.Follow(this, decibels);
            return louder;
        }
    }

    private void Follow(PromptAudio original, int decibels)
    {
        if (original.IsPending) return;
        if (original.IsReady) (_muLaw, _aLaw) = (Volume.Apply(original._muLaw, decibels, aLaw: false), Volume.Apply(original._aLaw, decibels, aLaw: true));
        _state = original._state;
        EncodeOpusWhenDue();
    }

    /// <summary>Whether it comes, but is not there yet.</summary>
    public bool IsPendingAs(bool opus) => IsPending || (opus && IsReady && _opus is null);

    /// <summary>A frame of Opus (<see cref="OpusAudio.FrameBytes"/>), counted from 0; empty when it is not there.</summary>
    public ReadOnlySpan<byte> OpusFrame(int number) => _opus is { } frames && (number + 1) * OpusAudio.FrameBytes <= frames.Length ? frames.AsSpan(number * OpusAudio.FrameBytes, OpusAudio.FrameBytes) : default;

    /// <summary>Has it encoded in the background, once.</summary>
    public void PrepareOpus()
    {
        Interlocked.Exchange(ref _opusAsked, 1);
        EncodeOpusWhenDue();
    }

    private void EncodeOpusWhenDue()
    {
        // Who asks and who completes each write their own mark before they look at the other's: one of them sees both.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _opusAsked) == 0 || !IsReady || Interlocked.Exchange(ref _opusBegun, 1) != 0) return;
        ThreadPool.UnsafeQueueUserWorkItem(audio => audio.EncodeOpus(), this, preferLocal: false);
    }

    private void EncodeOpus()
    {
        try
        {
            _opus = OpusAudio.Encode(_muLaw);
        }
#pragma warning disable CA1031 // On a thread of the pool: a prompt that cannot be encoded is silence, and not the end of the process.
        catch (Exception)
#pragma warning restore CA1031
        {
            _opus = [];
        }
    }

    internal void Complete(ReadOnlySpan<short> samples)
    {
        var muLaw = new byte[samples.Length];
        var aLaw = new byte[samples.Length];
        for (var i = 0; i < samples.Length; i++)
        {
            muLaw[i] = G711.EncodeMuLaw(samples[i]);
            aLaw[i] = G711.EncodeALaw(samples[i]);
        }
        _muLaw = muLaw;
        _aLaw = aLaw;
        Become(State.Ready); // Last: the media thread reads the bytes only when it sees this.
        EncodeOpusWhenDue();
    }

    internal void Fail() => Become(State.Failed);

    private void Become(State state)
    {
        lock (_lock)
        {
            _state = state;
            foreach (var (decibels, louder) in _byGain ?? []) louder.Follow(this, decibels);
        }
    }
}
