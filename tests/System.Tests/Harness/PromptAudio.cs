using System.Buffers.Binary;

namespace IvrActors.SystemTests.Harness;

/// <summary>The mu-law bytes of a recorded prompt, as they stand in its WAV file: what PCMU carries on the wire.</summary>
internal sealed class PromptAudio
{
    private PromptAudio(string id, byte[] bytes) => (Id, Bytes) = (id, bytes);

    public string Id { get; }

    public byte[] Bytes { get; }

    public TimeSpan Duration => TimeSpan.FromSeconds(Bytes.Length / 8000.0);

    /// <summary>A piece from the middle, long enough to be found nowhere else: silence at the edges is left out.</summary>
    public byte[] Fingerprint
    {
        get
        {
            var length = Math.Min(1600, Bytes.Length / 2);
            return Bytes.AsSpan((Bytes.Length - length) / 2, length).ToArray();
        }
    }

    /// <summary>All of it as 16-bit samples.</summary>
    public short[] Samples => [.. Bytes.Select(Decode)];

    /// <summary>The fingerprint as a phone decodes it (ITU-T G.711, mu-law).</summary>
    public short[] Linear() => [.. Fingerprint.Select(Decode)];

    private static short Decode(byte code)
    {
        var value = ~code;
        var magnitude = (((value & 0x0f) << 3) + 0x84) << ((value & 0x70) >> 4);
        return (short)((value & 0x80) != 0 ? 0x84 - magnitude : magnitude - 0x84);
    }

    public static PromptAudio Load(string id)
    {
        var wav = File.ReadAllBytes(Repository.At("flows", "prompts", "en", id + ".wav"));
        for (var at = 12; at + 8 <= wav.Length;)
        {
            var size = BinaryPrimitives.ReadInt32LittleEndian(wav.AsSpan(at + 4));
            if (wav.AsSpan(at, 4).SequenceEqual("data"u8)) return new PromptAudio(id, wav.AsSpan(at + 8, Math.Min(size, wav.Length - at - 8)).ToArray());
            at += 8 + size + (size & 1);
        }
        throw new InvalidDataException(id + " has no data chunk");
    }
}
