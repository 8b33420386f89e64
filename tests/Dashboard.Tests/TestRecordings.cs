using System.Buffers.Binary;
using IvrActors.Dashboard.Recordings;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Dashboard.Tests;

/// <summary>One recording's file on this machine: a tone on either side, and silence in between. It opens with the cluster's key.</summary>
public sealed class TestRecordings(FakeCluster cluster) : IRecordingFiles
{
    public const string Here = "rec-3b6e0c5d9a7f4e218c1d2e3f4a5b6c7d-2";
    public const string Elsewhere = "rec-91aa0f2be35c4d6788e1f20a3b4c5d6e-4";
    public const int Seconds = 20;

    private const int Rate = 8000;

    public static readonly byte[] Wrapped = [7, 7, 7];

    public static byte[] Wav { get; } = MakeWav();

    /// <summary>What a read of altered audio does.</summary>
    public bool IsAltered { get; set; }

    public IRecordingFile? Open(RecordingId recording) => recording.Value == Here ? new File(cluster, this) : null;

    private static bool IsSecret(double second) => second is >= 8 and < 12.5;

    private static byte[] MakeWav()
    {
        var wav = new byte[44 + (Seconds * Rate * 4)];
        "RIFF\0\0\0\0WAVEfmt "u8.CopyTo(wav);
        BinaryPrimitives.WriteInt32LittleEndian(wav.AsSpan(4), wav.Length - 8);
        (int At, int Size, int Value)[] fields = [(16, 4, 16), (20, 2, 1), (22, 2, 2), (24, 4, Rate), (28, 4, Rate * 4), (32, 2, 4), (34, 2, 16), (40, 4, wav.Length - 44)];
        foreach (var (at, size, value) in fields) BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(wav.AsSpan(at));
        "data"u8.CopyTo(wav.AsSpan(36));
        for (var i = 0; i < Seconds * Rate; i++)
        {
            for (var side = 0; side < 2; side++) BinaryPrimitives.WriteInt16LittleEndian(wav.AsSpan(44 + (i * 4) + (side * 2)), (short)(Loudness((double)i / Rate, side) * 128 * Math.Sin(i * (0.2 + (side * 0.1)))));
        }
        return wav;
    }

    private static int Loudness(double second, int side) =>
        IsSecret(second) ? 0 : (int)(((int)(second / 3) % 2 == side ? 160 : 6) * (0.6 + (0.4 * Math.Sin(second * 7) * Math.Sin(second * 31))));

    private sealed class File(FakeCluster cluster, TestRecordings files) : IRecordingFile
    {
        private bool _isUnlocked;

        public byte[] WrappedKey => Wrapped;

        public void Unlock(ReadOnlySpan<byte> key) => _isUnlocked = key.SequenceEqual(cluster.RecordingKey);

        public Stream Play() => _isUnlocked ? new MemoryStream(Wav) : throw new InvalidOperationException("played before it was unlocked");

        public RecordingOutline Outline(int columns) => !_isUnlocked ? throw new InvalidOperationException("shown before it was unlocked") : new RecordingOutline
        {
            Seconds = Seconds,
            Caller = [.. Enumerable.Range(0, columns).Select(i => Loudness((double)i * Seconds / columns, 0))],
            Heard = [.. Enumerable.Range(0, columns).Select(i => Loudness((double)i * Seconds / columns, 1))],
            Secret = [[8, 12.5]],
            Warning = files.IsAltered ? "It is damaged: what follows was altered." : null,
        };

        public void Dispose()
        {
        }
    }
}
