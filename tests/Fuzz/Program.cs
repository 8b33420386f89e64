using System.Globalization;
using IvrActors.Fuzz;
using IvrActors.Fuzz.Coverage;

const long DefaultMessages = 10_000_000;
const string Usage = """
    usage: fuzz mutate TARGET…|all [--messages N] [--seed S]   random mutation of the committed inputs
           fuzz cover TARGET…|all [--seconds N] [--seed S]     coverage-guided, N seconds for each target (needs instrumented code: tests/Fuzz/run)
           fuzz minimise TARGET…|all                           commits what coverage-guided runs found to tests/Fuzz/corpus, as little as covers as much
           fuzz instrument FOLDER                              makes the copy of Edge.dll in FOLDER count its edges
    """;

if (args is ["instrument", var folder])
{
    Console.WriteLine($"{Instrumentation.Apply(folder)} types instrumented");
    return 0;
}
CoverageMap.Prepare();
var chosen = FuzzTargets.All().Where(target => args.Contains("all") || args.Contains(target.Name)).ToArray();
if (args.Length == 0 || chosen.Length == 0 || !TryReadOption("--messages", DefaultMessages, out var messages) || !TryReadOption("--seed", 1, out var seed)
    || !TryReadOption("--seconds", 60, out var seconds))
{
    Console.Error.WriteLine(Usage);
    return 2;
}
if (args[0] is "cover" or "minimise" && !CoverageMap.IsInstrumented)
{
    Console.Error.WriteLine("this Edge.dll counts no edges: use tests/Fuzz/run");
    return 2;
}
foreach (var target in chosen)
{
    try
    {
        Console.WriteLine(args[0] switch
        {
            "mutate" => FuzzRun.Run(target, Corpus.Of(target.Name), messages, (int)seed).ToString(),
            "cover" => Cover(target),
            "minimise" => Minimise(target),
            _ => Usage,
        });
    }
    catch (FuzzException failure)
    {
        Console.Error.WriteLine(failure);
        Console.Error.WriteLine(Convert.ToHexString(failure.Input));
        return 1;
    }
}
return 0;

string Cover(IFuzzTarget target)
{
    var findings = Corpus.FindingsOf(target.Name);
    Directory.CreateDirectory(findings);
    var run = new CoverageRun(target, [.. Corpus.Of(target.Name), .. Directory.GetFiles(findings).Select(File.ReadAllBytes)]);
    try
    {
        return run.Run(TimeSpan.FromSeconds(seconds), (int)seed);
    }
    finally
    {
        foreach (var input in run.Found)
            File.WriteAllBytes(Path.Combine(findings, CoverageRun.NameOf(input)), input);
    }
}

string Minimise(IFuzzTarget target)
{
    var folder = Corpus.FolderOf(target.Name);
    var old = Directory.GetFiles(folder, Corpus.Found + "*");
    var found = old.Concat(Directory.Exists(Corpus.FindingsOf(target.Name)) ? Directory.GetFiles(Corpus.FindingsOf(target.Name)) : []).Select(File.ReadAllBytes).ToArray();
    foreach (var file in old)
        File.Delete(file);
    var kept = CoverageRun.Minimise(target, Corpus.Of(target.Name), found);
    foreach (var input in kept)
        File.WriteAllBytes(Path.Combine(folder, CoverageRun.NameOf(input)), input);
    return $"{target.Name}: {kept.Count} of {found.Length} found inputs kept";
}

bool TryReadOption(string name, long otherwise, out long value)
{
    var index = Array.IndexOf(args, name);
    value = otherwise;
    return index < 0 || (index + 1 < args.Length && long.TryParse(args[index + 1], NumberStyles.None, CultureInfo.InvariantCulture, out value));
}
