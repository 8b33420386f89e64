using IvrActors.Grains.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>Flow documents for tests.</summary>
internal static class FlowTexts
{
    public static string Root { get; } = FindRoot();

    public static string Bank { get; } = File.ReadAllText(Path.Combine(Root, "flows", "bank.yaml"));

    /// <summary>What a tenant with one carrier lets flows transfer to.</summary>
    public static TransferPlan Transfers { get; } = new()
    {
        Targets = new Dictionary<string, string> { ["agent"] = "sip:agent@127.0.0.1:5090", ["desk"] = "+4930123456" },
        Trunks = ["carrier"],
        CallsOut = true,
    };

    /// <summary>Parses and validates; fails the test on any error.</summary>
    public static FlowDocument Valid(string yaml)
    {
        var parse = FlowCheck.Text("test.yaml", yaml, new TestCatalogue(), Transfers);
        Assert.Empty(parse.Errors.Select(e => e.ToString()));
        return parse.Document!;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "IvrActors.slnx"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("the root of the repository is not above the tests");
    }
}
