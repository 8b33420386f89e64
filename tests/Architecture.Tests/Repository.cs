using System.Diagnostics;

namespace IvrActors.Architecture.Tests;

/// <summary>The source tree around this test.</summary>
internal static class Repository
{
    private static readonly string[] s_builtFolders = ["bin", "obj", ".git", "TestResults", "data", "node_modules", "BenchmarkDotNet.Artifacts"];

    public static readonly string Root = FindRoot();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    /// <summary>The files of the source tree, without what a build or a run made, relative to the root.</summary>
    public static IEnumerable<string> Files(string pattern = "*") => Walk(new DirectoryInfo(Root), pattern).Select(f => Path.GetRelativePath(Root, f));

    private static IEnumerable<string> Walk(DirectoryInfo folder, string pattern)
    {
        foreach (var file in folder.EnumerateFiles(pattern)) yield return file.FullName;
        foreach (var sub in folder.EnumerateDirectories().Where(d => !s_builtFolders.Contains(d.Name) && d.LinkTarget is null))
            foreach (var file in Walk(sub, pattern)) yield return file;
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

/// <summary>A program of the system that a test runs. Where it is not installed the test is skipped, except in CI, where it fails.</summary>
internal static class Tool
{
    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        if (!Installed(program))
        {
            var missing = $"{program} is not installed (./test.sh installs it when run as root)";
            if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(missing);
            Assert.Skip(missing);
        }
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end within 60 s");
        }
        return (process.ExitCode, output + errors.Result);
    }

    private static bool Installed(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
