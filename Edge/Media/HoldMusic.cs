namespace IvrActors.Edge.Media;

/// <summary>What a caller hears on hold where nothing else is recorded as <c>hold-music</c>: a slow broken chord, made here, so that nobody owns it.</summary>
internal static class HoldMusic
{
    /// <summary>Id of the prompt; a recording of this name takes its place.</summary>
    public const string Id = "hold-music";

    private const int NoteMs = 400;

    // About -20 dBm0: below speech, so that whoever answers is louder.
    private const double Amplitude = 3200;

    private const double FadeSamples = 80;
    private const double DecaySeconds = 0.7;

    // Semitones from A3 (220 Hz), four chords of eight notes. One note begins at a time and all stay below 660 Hz, so nobody takes them for a key (two tones at once, the upper one from 1209 Hz).
    private static readonly int[] s_notes =
    [
        0, 7, 12, 15, 19, 15, 12, 7,
        -4, 3, 8, 12, 15, 12, 8, 3,
        3, 7, 10, 15, 19, 15, 10, 7,
        -2, 5, 10, 14, 17, 14, 10, 5,
    ];

    /// <summary>One round, which ends as it begins.</summary>
    public static PromptAudio Audio { get; } = Make();

    private static PromptAudio Make()
    {
        var note = NoteMs * Telephone.SampleRate / 1000;
        var sum = new double[s_notes.Length * note];
        for (var n = 0; n < s_notes.Length; n++)
        {
            var turn = 2 * Math.PI * 220 * Math.Pow(2, s_notes[n] / 12.0) / Telephone.SampleRate;
            // What sounds on over the end sounds on at the beginning.
            for (var i = 0; i < 3 * note; i++)
            {
                var envelope = Math.Min(1, i / FadeSamples) * Math.Exp(-i / (DecaySeconds * Telephone.SampleRate)) * Math.Min(1, (3 * note - i) / (double)note);
                sum[(n * note + i) % sum.Length] += Amplitude * envelope * Math.Sin(turn * i);
            }
        }
        return PromptAudio.FromLinear([.. sum.Select(s => (short)s)]);
    }
}
