using System.Text.RegularExpressions;

namespace IvrActors.Architecture.Tests;

/// <summary>The source tree itself: no key in it, and documents that say what is there.</summary>
public sealed partial class TreeTests
{
    // Put together at run time, so that this file is not found by its own search.
    private static readonly string[] s_privateKeys = ["BEGIN " + "PRIVATE KEY", "BEGIN EC " + "PRIVATE KEY", "BEGIN RSA " + "PRIVATE KEY", "BEGIN ENCRYPTED " + "PRIVATE KEY", "BEGIN OPENSSH " + "PRIVATE KEY"];

    [Fact]
    public void No_private_key_is_in_the_tree()
    {
        var found = from file in Repository.Files()
                    let text = File.ReadAllText(Repository.PathOf(file))
                    where s_privateKeys.Any(key => text.Contains(key, StringComparison.Ordinal)) || Path.GetExtension(file) is ".pfx" or ".p12"
                    select file;

        Assert.Empty(found);
    }

    [Fact]
    public void Every_link_in_the_documents_leads_to_a_file_that_is_there()
    {
        var broken = from document in Documents()
                     from Match link in Link().Matches(Repository.Read(document))
                     let target = link.Groups["target"].Value.Split('#')[0]
                     where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal)
                     let path = Path.Combine(Path.GetDirectoryName(Repository.PathOf(document))!, target)
                     where !File.Exists(path) && !Directory.Exists(path)
                     select $"{document} → {target}";

        Assert.Contains("README.md", Documents());
        Assert.Empty(broken);
    }

    [Fact]
    public void Every_project_that_a_document_runs_is_in_the_solution()
    {
        var solution = Repository.Read("IvrActors.slnx");
        var unknown = from document in Documents()
                      from Match run in ProjectRun().Matches(Repository.Read(document))
                      let project = run.Groups["project"].Value.TrimEnd('/')
                      where !solution.Contains($"\"{project}/{Path.GetFileName(project)}.csproj\"", StringComparison.Ordinal)
                      select $"{document} runs {project}";

        Assert.Empty(unknown);
    }

    [Fact]
    public void The_first_commands_of_the_readme_start_the_engine_and_test_it_and_the_second_is_what_continuous_integration_runs()
    {
        var commands = Commands().Match(Repository.Read("README.md")).Groups["lines"].Value
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('#')[0].Trim()).ToArray();

        Assert.Equal(["dotnet run --project Silo", "./test.sh"], commands);
        Assert.Contains("bash ./test.sh", Repository.Read(".ci/run"), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.True(File.GetUnixFileMode(Repository.PathOf("test.sh")).HasFlag(UnixFileMode.UserExecute));
    }

    [Fact]
    public void The_test_command_runs_every_test_project_of_the_solution()
    {
        var script = Repository.Read("test.sh");
        var list = Regex.Match(script, @"for name in (?<names>[\w. ]+); do").Groups["names"].Value.Split(' ');
        var projects = Regex.Matches(Repository.Read("IvrActors.slnx"), @"tests/(?<name>[\w.]+)\.Tests/").Select(m => m.Groups["name"].Value);

        Assert.Empty(projects.Except(list));
    }

    private static string[] Documents() => [.. Repository.Files("*.md").Where(f => !f.StartsWith("tests/vectors/", StringComparison.Ordinal))];

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)(\s+""[^""]*"")?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"dotnet run (-c \w+ )?--project (?<project>[\w./]+)")]
    private static partial Regex ProjectRun();

    [GeneratedRegex("```(sh|bash|console)\n(?<lines>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Commands();
}
