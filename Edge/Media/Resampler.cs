namespace IvrActors.Edge.Media;

/// <summary>Changes the sample rate with a windowed-sinc low-pass (Blackman). Made for rendering prompts once, not for live audio.</summary>
public static class Resampler
{
    /// <summary>Zero crossings of the sinc on each side: a transition band of about 300 Hz at 8 kHz and a stop band below -70 dB.</summary>
    private const int ZeroCrossings = 32;

    /// <param name="cutoff">Highest frequency that passes, in Hz; below half of the lower rate.</param>
    public static short[] Resample(ReadOnlySpan<short> input, int fromRate, int toRate, double cutoff)
    {
        var width = 2 * cutoff / fromRate; // Of the pass band, in cycles per two input samples: the sinc's scale.
        var half = (int)Math.Ceiling(ZeroCrossings / width);
        var output = new short[(int)((long)input.Length * toRate / fromRate)];
        for (var n = 0; n < output.Length; n++)
        {
            var centre = (double)n * fromRate / toRate;
            var first = Math.Max(0, (int)Math.Ceiling(centre - half));
            var last = Math.Min(input.Length - 1, (int)Math.Floor(centre + half));
            double sum = 0;
            for (var i = first; i <= last; i++) sum += input[i] * Tap(i - centre, width, half);
            output[n] = (short)Math.Clamp(Math.Round(sum), short.MinValue, short.MaxValue);
        }
        return output;
    }

    private static double Tap(double offset, double width, double half)
    {
        var x = Math.PI * offset * width;
        var sinc = Math.Abs(x) < 1e-9 ? 1 : Math.Sin(x) / x;
        var phase = Math.PI * offset / half;
        return width * sinc * (0.42 + 0.5 * Math.Cos(phase) + 0.08 * Math.Cos(2 * phase));
    }
}
