namespace IvrActors.Edge.Media;

/// <summary>Makes prompts louder or softer. G.711 has 256 values, so a gain is a table of 256 bytes, and a prompt is looked up in it once, when it is first wanted so.</summary>
internal static class Volume
{
    /// <summary>In dB. Softer is not heard on a telephone; louder is distortion, for recordings have their peaks at -3 dB.</summary>
    public const int Least = -20, Most = 10;

    /// <summary>From here to full scale, peaks are bent and not cut.</summary>
    private const double Knee = 0.8;

    public static byte[] Apply(ReadOnlySpan<byte> prompt, int decibels, bool aLaw)
    {
        var gain = Math.Pow(10, Math.Clamp(decibels, Least, Most) / 20.0);
        Span<byte> table = stackalloc byte[256];
        for (var i = 0; i < table.Length; i++)
        {
            var sample = aLaw ? G711.DecodeALaw((byte)i) : G711.DecodeMuLaw((byte)i);
            var louder = Bend(sample * gain);
            table[i] = aLaw ? G711.EncodeALaw(louder) : G711.EncodeMuLaw(louder);
        }
        var result = new byte[prompt.Length];
        for (var i = 0; i < prompt.Length; i++) result[i] = table[prompt[i]];
        return result;
    }

    private static short Bend(double sample)
    {
        var size = Math.Abs(sample) / short.MaxValue;
        if (size > Knee) size = Knee + (1 - Knee) * Math.Tanh((size - Knee) / (1 - Knee));
        return (short)Math.Round(Math.Sign(sample) * size * short.MaxValue);
    }
}
