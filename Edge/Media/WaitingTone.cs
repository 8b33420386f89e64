namespace IvrActors.Edge.Media;

/// <summary>What a caller hears who waits for the cluster: a soft note that comes again before it has died away, so that there is no silence in it.</summary>
internal static class WaitingTone
{
    /// <summary>Id of the prompt; a recording of this name takes its place.</summary>
    public const string Id = "please-wait";

    private const int RoundMs = 800;

    // About -26 dBm0: well below speech.
    private const double Amplitude = 1600;

    private const double FadeSamples = 160;
    private const double DecaySeconds = 0.3;

    // E4, and a fifth above: one note a round, far from the frequencies of keys (697 to 1633 Hz).
    private static readonly double[] s_notes = [329.6, 493.9];

    /// <summary>Two rounds, which end as they begin.</summary>
    public static PromptAudio Audio { get; } = Make();

    private static PromptAudio Make()
    {
        var round = RoundMs * Telephone.SampleRate / 1000;
        var sum = new double[s_notes.Length * round];
        for (var n = 0; n < s_notes.Length; n++)
        {
            var turn = 2 * Math.PI * s_notes[n] / Telephone.SampleRate;
            // What sounds on over the end sounds on at the beginning.
            for (var i = 0; i < 2 * round; i++)
            {
                var envelope = Math.Min(1, i / FadeSamples) * Math.Exp(-i / (DecaySeconds * Telephone.SampleRate)) * Math.Min(1, (2 * round - i) / (double)round);
                sum[(n * round + i) % sum.Length] += Amplitude * envelope * Math.Sin(turn * i);
            }
        }
        return PromptAudio.FromLinear([.. sum.Select(s => (short)s)]);
    }
}
