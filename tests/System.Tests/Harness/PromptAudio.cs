using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace IvrActors.SystemTests.Harness;

/// <summary>The mu-law bytes of a recorded prompt, as they stand in its WAV file: what PCMU carries on the wire.</summary>
internal sealed class PromptAudio
{
    private static readonly string s_folder = Repository.At("flows", "prompts", "en");
    private static readonly ConcurrentDictionary<string, PromptAudio> s_loaded = new();

    private readonly Lazy<List<(int Offset, byte[] Bytes)>> _pieces;

    private PromptAudio(string id, byte[] bytes)
    {
        (Id, Bytes) = (id, bytes);
        _pieces = new(Pieces);
    }

    public string Id { get; }

    public byte[] Bytes { get; }

    public TimeSpan Duration => TimeSpan.FromSeconds(Bytes.Length / 8000.0);

    /// <summary>A piece from the middle, long enough to be found nowhere else: silence at the edges is left out.</summary>
    public byte[] Fingerprint => Bytes.AsSpan(MiddleAt, MiddleLength).ToArray();

    private int MiddleLength => Math.Min(1600, Bytes.Length / 2);

    private int MiddleAt => (Bytes.Length - MiddleLength) / 2;

    /// <summary>All of it as 16-bit samples.</summary>
    public short[] Samples => [.. Bytes.Select(Decode)];

    /// <summary>Where the prompt ends in what was heard as mu-law; -1 when its middle was not heard.</summary>
    public int EndIn(ReadOnlySpan<byte> audio) => EndIn(audio, static code => code);

    /// <summary>As above, in what a phone decoded (ITU-T G.711).</summary>
    public int EndIn(ReadOnlySpan<short> audio) => EndIn(audio, Decode);

    // A busy machine leaves out a packet now and then: one whole tenth of a second that is this prompt's alone is enough.
    private int EndIn<T>(ReadOnlySpan<T> audio, Func<byte, T> decode)
        where T : IEquatable<T>
    {
        int end = -1, last = 0;
        foreach (var (offset, bytes) in _pieces.Value)
        {
            T[] piece = [.. bytes.Select(decode)];
            // Behind the first that was found, what is left of this prompt, not the same prompt said again.
            var rest = end < 0 ? audio : audio[end..Math.Clamp(last + offset + piece.Length, end, audio.Length)];
            var at = rest.IndexOf(piece);
            if (at < 0) continue;
            at += Math.Max(end, 0);
            if (end < 0) last = at - offset;
            end = at + piece.Length;
        }
        return end;
    }

    private List<(int Offset, byte[] Bytes)> Pieces()
    {
        const int Length = 800;
        List<(int, byte[])> pieces = [];
        var others = All.Where(other => other != Id).Select(Load).Where(other => !other.Bytes.AsSpan().SequenceEqual(Bytes)).ToList();
        for (var offset = MiddleAt; offset + Length <= Bytes.Length * 3 / 4; offset += Length / 2)
        {
            var piece = Bytes.AsSpan(offset, Length).ToArray();
            if (others.TrueForAll(other => other.Bytes.AsSpan().IndexOf(piece) < 0)) pieces.Add((offset, piece));
        }
        return pieces.Count > 0 ? pieces : [(MiddleAt, Fingerprint)];
    }

    private static short Decode(byte code)
    {
        var value = ~code;
        var magnitude = (((value & 0x0f) << 3) + 0x84) << ((value & 0x70) >> 4);
        return (short)((value & 0x80) != 0 ? 0x84 - magnitude : magnitude - 0x84);
    }

    /// <summary>Of all recorded prompts.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Directory.EnumerateFiles(s_folder, "*.wav", SearchOption.AllDirectories).Select(file => Path.ChangeExtension(Path.GetRelativePath(s_folder, file), null))];

    public static PromptAudio Load(string id) => s_loaded.GetOrAdd(id, Read);

    private static PromptAudio Read(string id)
    {
        var wav = File.ReadAllBytes(Path.Combine(s_folder, id + ".wav"));
        for (var at = 12; at + 8 <= wav.Length;)
        {
            var size = BinaryPrimitives.ReadInt32LittleEndian(wav.AsSpan(at + 4));
            if (wav.AsSpan(at, 4).SequenceEqual("data"u8)) return new PromptAudio(id, wav.AsSpan(at + 8, Math.Min(size, wav.Length - at - 8)).ToArray());
            at += 8 + size + (size & 1);
        }
        throw new InvalidDataException(id + " has no data chunk");
    }
}
