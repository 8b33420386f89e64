namespace IvrActors.Fuzz;

/// <summary>The committed inputs that mutation starts from, found from wherever the program runs.</summary>
public static class Corpus
{
    /// <summary>Files of tests/Fuzz/corpus/NAME and, for SIP, the torture messages of RFC 4475.</summary>
    public static IReadOnlyList<byte[]> Of(string target)
    {
        var tests = FindTests();
        var files = Directory.GetFiles(Path.Combine(tests, "Fuzz", "corpus", target));
        if (target == "sip")
            files = [.. files, .. Directory.GetFiles(Path.Combine(tests, "vectors", "rfc4475"), "*.dat")];
        return [.. files.Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

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
