namespace IvrActors.Edge.Media;

/// <summary>What a caller hears while somebody else's telephone rings: 425 Hz, one second on and four off (ITU-T E.180).</summary>
internal static class Ringback
{
    private const double Hertz = 425;
    private const int OnMs = 1000;
    private const int OffMs = 4000;

    // About -16 dBm0: as loud as networks send it.
    private const double Amplitude = 5000;

    // Edges that fade, so that they do not click.
    private const int FadeSamples = 80;

    /// <summary>One period, to be repeated.</summary>
    public static PromptAudio Audio { get; } = Make();

    private static PromptAudio Make()
    {
        var on = OnMs * Telephone.SampleRate / 1000;
        var samples = new short[on + OffMs * Telephone.SampleRate / 1000];
        for (var i = 0; i < on; i++)
        {
            var fade = Math.Min(1, Math.Min(i, on - i) / (double)FadeSamples);
            samples[i] = (short)(Amplitude * fade * Math.Sin(2 * Math.PI * Hertz * i / Telephone.SampleRate));
        }
        return PromptAudio.FromLinear(samples);
    }
}
