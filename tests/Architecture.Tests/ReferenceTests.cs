using System.Xml.Linq;

namespace IvrActors.Architecture.Tests;

/// <summary>The table of docs/architecture: who may reference whom.</summary>
public sealed class ReferenceTests
{
    public static TheoryData<string, string[]> Table => new()
    {
        { "Grains.Interfaces", [] },
        { "Grains", ["Grains.Interfaces"] },
        { "Edge", ["Grains.Interfaces"] },
        { "Dashboard", ["Grains.Interfaces"] },
        { "Silo", ["Grains.Interfaces", "Grains", "Edge", "Dashboard"] },
    };

    [Theory, MemberData(nameof(Table))]
    public void A_part_is_compiled_against_no_more_than_the_table_allows(string part, string[] allowed)
    {
        var referenced = Code.Assembly(part).MainModule.AssemblyReferences.Select(r => r.Name).Intersect(Code.Ours);

        Assert.Empty(referenced.Except(allowed));
    }

    // The compiler leaves out a reference that nothing uses yet; the project file does not.
    [Theory, MemberData(nameof(Table))]
    public void A_part_declares_no_more_references_than_the_table_allows(string part, string[] allowed)
    {
        var project = XDocument.Load(Repository.PathOf($"{part}/{part}.csproj"));
        var declared = project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));

        Assert.Empty(declared.Except(allowed));
    }

    [Fact]
    public void The_edge_holds_no_storage_driver()
    {
        string[] drivers = ["Microsoft.Data.Sqlite", "Npgsql", "Orleans.Persistence.AdoNet", "System.Data.Common", "Orleans.Runtime"];

        Assert.Empty(Code.Assembly("Edge").MainModule.AssemblyReferences.Select(r => r.Name).Intersect(drivers));
    }

    [Theory]
    [InlineData("Grains.Interfaces")]
    [InlineData("Grains")]
    [InlineData("Dashboard")]
    [InlineData("Edge")]
    public void Only_the_network_folder_of_the_edge_uses_sockets(string part)
    {
        var sockets = new Ban("System.Net.Sockets.*");
        var uses = from type in Code.Types(part)
                   where !Code.IsIn(Code.NamespaceOf(type), "IvrActors.Edge.Net")
                   from use in Code.Uses(type)
                   where sockets.Forbids(use)
                   select use.ToString();

        Assert.Empty(uses.Distinct());
    }
}
