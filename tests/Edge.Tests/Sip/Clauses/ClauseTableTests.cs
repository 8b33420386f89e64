using System.Reflection;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>
/// The table of every MUST of RFC 3261: section, what it demands, and whether that binds this user agent ("yes", or "no" and the reason). Each
/// that binds has a test, and no test claims a clause that is not there.
/// </summary>
public class ClauseTableTests
{
    private static readonly string[][] s_rows =
        [.. File.ReadAllLines(Path.Combine(Vectors.Path(), "..", "Edge.Tests", "Sip", "Clauses", "rfc3261-must.tsv")).Skip(1).Select(line => line.Split('\t'))];

    private static readonly HashSet<(string, string)> s_proven = [.. Methods().SelectMany(method => method.GetCustomAttributes<ClauseAttribute>()).Select(clause => (clause.Section, clause.Must))];

    [Fact]
    public void Every_clause_that_binds_us_has_a_test() =>
        Assert.Empty(s_rows.Where(row => row[2] == "yes" && !s_proven.Contains((row[0], row[1]))).Select(row => $"{row[0]} {row[1]}"));

    [Fact]
    public void No_test_proves_a_clause_that_the_table_lacks_or_says_does_not_bind_us() =>
        Assert.Empty(s_proven.Except(s_rows.Where(row => row[2] == "yes").Select(row => (row[0], row[1]))));

    [Fact]
    public void Every_row_has_a_section_a_demand_of_its_own_and_a_verdict_with_its_reason()
    {
        // Sentences of the RFC with MUST, SHALL or REQUIRED.
        Assert.Equal(546, s_rows.Length);
        Assert.All(s_rows, row => Assert.Equal(3, row.Length));
        Assert.All(s_rows, row => Assert.Matches(@"^\d+(\.\d+)*$", row[0]));
        Assert.All(s_rows, row => Assert.Matches("^(yes|no: .{8,})$", row[2]));
        Assert.Empty(s_rows.GroupBy(row => (row[0], row[1])).Where(group => group.Count() > 1).Select(group => group.Key));
    }

    [Fact]
    public void What_carries_a_clause_is_a_test_that_runs() => Assert.All(
        Methods().Where(method => method.IsDefined(typeof(ClauseAttribute))),
        method => Assert.True(method.GetCustomAttribute<FactAttribute>() is { Skip: null }, method.Name));

    private static IEnumerable<MethodInfo> Methods() => typeof(ClauseTableTests).Assembly.GetTypes().SelectMany(type => type.GetMethods());
}
