namespace IvrActors.Edge.Media;

/// <summary>One prompt, encoded once for both codecs and shared by all calls. May still be rendering.</summary>
public sealed class PromptAudio
{
    private volatile State _state;
    private byte[] _muLaw = [];
    private byte[] _aLaw = [];

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
        _state = State.Ready; // Last: the media thread reads the bytes only when it sees this.
    }

    internal void Fail() => _state = State.Failed;
}
