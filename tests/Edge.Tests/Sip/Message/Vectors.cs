namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>Files under tests/vectors, found from wherever the tests run.</summary>
internal static class Vectors
{
    private static readonly string Root = FindRoot();

    internal static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    internal static byte[] Read(params string[] parts) => File.ReadAllBytes(Path(parts));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var vectors = System.IO.Path.Combine(folder.FullName, "tests", "vectors");
            if (Directory.Exists(vectors))
                return vectors;
        }
        throw new DirectoryNotFoundException("tests/vectors is not above " + AppContext.BaseDirectory);
    }
}
