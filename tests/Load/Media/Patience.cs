using IvrActors.Edge.Media;

namespace IvrActors.Load.Media;

/// <summary>Tells packets of the prompt by which the server asks for patience from those that answer an input.</summary>
internal sealed class Patience
{
    private const int Frame = 160;

    private readonly HashSet<ulong> _packets = [];

    private Patience()
    {
    }

    public static Patience None { get; } = new();

    /// <summary>Of a prompt of the server in WAV.</summary>
    public static Patience Read(string file)
    {
        if (WavFile.TryRead(File.ReadAllBytes(file), out var wav) is not WavRejection.None and var why) throw new InvalidDataException($"{file}: {why}");
        if (wav!.SampleRate != 8000) throw new InvalidDataException($"{file}: {wav.SampleRate} samples a second, where prompts have 8000");
        var audio = PromptAudio.FromLinear(wav.Samples);
        var patience = new Patience();
        foreach (var aLaw in (bool[])[false, true])
        {
            for (var at = audio.Bytes(aLaw); at.Length >= Frame; at = at[Frame..]) patience._packets.Add(HashOf(at[..Frame]));
        }
        return patience;
    }

    /// <summary>FNV-1a: it tells packets apart, no more.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> payload)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var code in payload) hash = (hash ^ code) * 0x100000001b3;
        return hash;
    }

    public bool Holds(ulong packet) => _packets.Contains(packet);
}
