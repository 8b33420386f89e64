namespace IvrActors.SystemTests.Harness;

/// <summary>Real counterparts from Debian's packages. One that is missing fails the test in CI and skips it elsewhere.</summary>
internal static class Programs
{
    public static string Require(string name)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is not null) return path;
        Lack($"{name} is not installed: the README's test command installs it");
        return "";
    }

    /// <summary>Fails the test in CI and skips it elsewhere.</summary>
    public static void Lack(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
