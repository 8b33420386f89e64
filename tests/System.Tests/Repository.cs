namespace IvrActors.SystemTests;

/// <summary>The source tree around this test, and what was built from it in the same configuration.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    /// <summary>The server's program.</summary>
    public static string Silo
    {
        get
        {
            var build = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
            return PathOf($"Silo/bin/{build.Parent!.Name}/{build.Name}/Silo.dll");
        }
    }

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>The G.711 µ-law bytes of a recorded prompt.</summary>
    public static byte[] Prompt(string id)
    {
        var wav = File.ReadAllBytes(PathOf($"flows/prompts/en/{id}.wav"));
        var at = 12;
        while (!wav.AsSpan(at, 4).SequenceEqual("data"u8)) at += 8 + BitConverter.ToInt32(wav, at + 4);
        return wav.AsSpan(at + 8, BitConverter.ToInt32(wav, at + 4)).ToArray();
    }

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "IvrActors.slnx"))) return at.FullName;
        }
        throw new InvalidOperationException("IvrActors.slnx is in no folder above " + AppContext.BaseDirectory);
    }
}
