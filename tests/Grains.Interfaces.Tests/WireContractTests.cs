using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

/// <summary>
/// Two adjacent versions of the cluster run side by side, so bytes are a promise. <c>wire/contract.tsv</c> holds, by alias, the bytes of a sample of each wire type. When a member is
/// appended, the new bytes go into a new line and the old line stays: it must be readable for ever. <c>IVR_APPEND_WIRE=1</c> writes the new lines.
/// </summary>
public sealed class WireContractTests
{
    private static readonly Serializer s_serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    public static TheoryData<string> Aliases => [.. Sample.WireTypes.Select(Sample.AliasOf)];

    [Fact]
    public void Every_wire_type_has_an_alias_of_ours_and_no_two_have_the_same()
    {
        var aliases = Sample.WireTypes.Select(Sample.AliasOf).ToList();
        Assert.All(aliases, a => Assert.StartsWith("ivr.", a, StringComparison.Ordinal));
        Assert.Equal(aliases.Count, aliases.Distinct(StringComparer.Ordinal).Count());
        Assert.InRange(aliases.Count, 40, 1000);
    }

    [Theory]
    [MemberData(nameof(Aliases))]
    public void Bytes_are_the_committed_ones(string alias)
    {
        var now = Hex(Sample.Of(TypeOf(alias)));
        var committed = Contract().LastOrDefault(l => l.Alias == alias).Hex;
        if (committed != now && Environment.GetEnvironmentVariable("IVR_APPEND_WIRE") == "1")
        {
            lock (s_serializer) File.AppendAllText(ContractFile(), $"{alias}\t{now}\n");
            return;
        }
        Assert.Equal(committed, now);
    }

    [Fact]
    public void Bytes_of_every_earlier_version_are_still_read()
    {
        var lines = Contract();
        Assert.NotEmpty(lines);
        foreach (var (alias, hex) in lines) Assert.IsType(TypeOf(alias), s_serializer.Deserialize<object>(Convert.FromHexString(hex)));
    }

    [Theory]
    [MemberData(nameof(Aliases))]
    public void What_is_read_is_what_was_written(string alias)
    {
        var written = Hex(Sample.Of(TypeOf(alias)));
        Assert.Equal(written, Hex(s_serializer.Deserialize<object>(Convert.FromHexString(written))));
    }

    [Theory]
    [MemberData(nameof(Aliases))]
    public void Every_text_of_a_type_is_on_the_wire(string alias)
    {
        var type = TypeOf(alias);
        var texts = type.GetProperties().Where(p => p.PropertyType == typeof(string) && p.GetCustomAttribute<IdAttribute>() is not null).Select(p => p.Name);
        var wire = Convert.FromHexString(Hex(Sample.Of(type)));
        foreach (var text in texts) Assert.NotEqual(-1, wire.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes($"{Sample.Canary} {text}")));
    }

    // These print what is no secret: names of calls, pseudonyms, findings in a flow document.
    private static readonly HashSet<string> s_printable = ["ivr.CallId", "ivr.RecordingId", "ivr.CallerKey", "ivr.VerifiedCaller", "ivr.FlowError"];

    [Theory]
    [MemberData(nameof(Aliases))]
    public void No_wire_type_prints_its_content(string alias)
    {
        var text = Sample.Of(TypeOf(alias)).ToString();
        if (!s_printable.Contains(alias)) Assert.DoesNotContain(Sample.Canary, text, StringComparison.Ordinal);
        Assert.DoesNotContain("253", text, StringComparison.Ordinal);
    }

    private static Type TypeOf(string alias) => Sample.WireTypes.Single(t => Sample.AliasOf(t) == alias);

    private static string Hex(object? value) => Convert.ToHexStringLower(s_serializer.SerializeToArray(value));

    private static List<(string Alias, string Hex)> Contract() =>
        [.. (File.Exists(ContractFile()) ? File.ReadAllLines(ContractFile()) : []).Where(l => l.Length > 0).Select(l => l.Split('\t')).Select(p => (p[0], p[1]))];

    // Looked for upwards from the test's own folder: a deterministic build does not tell where its sources stood.
    private static string ContractFile()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Grains.Interfaces.Tests.csproj"))) folder = folder.Parent;
        Assert.NotNull(folder);
        return Path.Combine(folder.FullName, "wire", "contract.tsv");
    }
}
