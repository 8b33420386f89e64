namespace IvrActors.Fuzz;

/// <summary>The committed inputs that mutation starts from, found from wherever the program runs.</summary>
public static class Corpus
{
    /// <summary>Prefix of files that a coverage-guided run found; the others are written by hand and accepted.</summary>
    public const string Found = "found-";

    /// <summary>Files of tests/Fuzz/corpus/NAME, and for whole messages the torture messages of RFC 4475 and RFC 5118.</summary>
    public static IReadOnlyList<byte[]> Of(string target) => Read(target, _ => true);

    /// <summary>As <see cref="Of"/>, without what runs found: most of that is refused, and so are its mutants.</summary>
    public static IReadOnlyList<byte[]> ByHand(string target) => Read(target, file => !Path.GetFileName(file).StartsWith(Found, StringComparison.Ordinal));

    private static IReadOnlyList<byte[]> Read(string target, Func<string, bool> wanted)
    {
        var files = Directory.GetFiles(FolderOf(target)).Where(wanted);
        if (target is "message" or "framing" or "mask")
            files = files.Concat(Directory.GetFiles(Path.Combine(FindTests(), "vectors"), "*.dat", SearchOption.AllDirectories));
        return [.. files.Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

    /// <summary>Where the committed inputs of a target are.</summary>
    public static string FolderOf(string target) => Path.Combine(FindTests(), "Fuzz", "corpus", target);

    /// <summary>Where runs leave what they find, outside of the repository's files.</summary>
    public static string FindingsOf(string target) => Path.Combine(FindTests(), "..", "TestResults", "fuzz", target);

    private static string FindTests()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "tests", "Fuzz", "corpus")))
                return Path.Combine(folder.FullName, "tests");
        }
        throw new DirectoryNotFoundException("tests/Fuzz/corpus is not above " + AppContext.BaseDirectory);
    }
}
