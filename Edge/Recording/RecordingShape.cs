using System.Security.Cryptography;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Recording;

/// <summary>How a recording looks: for each column the loudest sample of either side (0 to 255), and which stretches are silent for secrets, in seconds.</summary>
public sealed class RecordingShape
{
    public required byte[] Caller { get; init; }

    public required byte[] Heard { get; init; }

    public required IReadOnlyList<(double From, double To)> Secret { get; init; }

    public required double Seconds { get; init; }

    public required RecordingCompleteness End { get; init; }

    /// <summary>Reads the recording once from its beginning, a second at a time, and stops where it was altered.</summary>
    public static RecordingShape Of(RecordingChunks chunks, int columns)
    {
        var (caller, heard) = (new byte[columns], new byte[columns]);
        var secret = new List<(double From, double To)>();
        var audio = new byte[RecordingCipher.MostAudio];
        var end = chunks.End;
        for (var chunk = 0; chunk < chunks.Count; chunk++)
        {
            if (!chunks.TryRead(chunk, audio, out var length, out var flags))
            {
                end = RecordingCompleteness.Damaged;
                break;
            }
            var first = chunks.FirstSampleOf(chunk);
            var samples = length / RecordingHeader.Channels;
            if (flags.HasFlag(ChunkFlags.Secret)) Join(secret, first, first + samples);
            for (var i = 0; i < samples; i++)
            {
                var column = (int)((first + i) * columns / chunks.Samples);
                caller[column] = Math.Max(caller[column], Loudness(audio[i * RecordingHeader.Channels], chunks.Header.ALaw));
                heard[column] = Math.Max(heard[column], Loudness(audio[i * RecordingHeader.Channels + 1], chunks.Header.ALaw));
            }
        }
        CryptographicOperations.ZeroMemory(audio);
        return new RecordingShape { Caller = caller, Heard = heard, Secret = secret, Seconds = SecondsOf(chunks.Samples), End = end };
    }

    /// <summary>Chunks of one stretch follow each other.</summary>
    private static void Join(List<(double From, double To)> secret, long from, long to)
    {
        if (secret is [.., var last] && last.To == SecondsOf(from)) secret[^1] = (last.From, SecondsOf(to));
        else secret.Add((SecondsOf(from), SecondsOf(to)));
    }

    private static double SecondsOf(long samples) => (double)samples / Telephone.SampleRate;

    private static byte Loudness(byte sample, bool aLaw) => (byte)(Math.Min(Math.Abs((int)(aLaw ? G711.DecodeALaw(sample) : G711.DecodeMuLaw(sample))), short.MaxValue) >> 7);
}
