using CsCheck;
using IvrActors.Dashboard.Import;
using Microsoft.VisualBasic.FileIO;
using Xunit;

namespace IvrActors.Dashboard.Tests.Import;

public sealed class CsvLineTests
{
    [Theory]
    [InlineData("a,b", "a|b")]
    [InlineData("", "")]
    [InlineData(",", "|")]
    [InlineData("a,,c", "a||c")]
    [InlineData("\"a,b\",c", "a,b|c")]
    [InlineData("\"say \"\"it\"\"\",c", "say \"it\"|c")]
    [InlineData("\"\",\"\"", "|")]
    [InlineData("a;b", "a;b")]
    [InlineData("\"a", null)]
    [InlineData("\"a\"b", null)]
    [InlineData("a\"b", null)]
    [InlineData("a,\"b\" ,c", null)]
    public void Values_are_told_apart_and_what_is_no_CSV_is_refused(string line, string? expected)
    {
        Assert.Equal(expected, CsvLine.Split(line, ',') is { } values ? string.Join('|', values) : null);
    }

    [Fact]
    public void Whatever_values_are_written_by_the_rule_are_read_as_they_were()
    {
        Gen.Char["ab,;\" +1é"].Array[0, 6].Select(chars => new string(chars)).List[1, 6].Sample(values =>
        {
            var line = string.Join(',', values.Select(value => value.AsSpan().ContainsAny(',', '"') ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value));

            Assert.Equal(values, CsvLine.Split(line, ','));
        }, iter: 2000);
    }

    // The platform's own parser, which reads files only and is too kind to take its place: it passes over blank lines, and so do we before this.
    [Fact]
    public void A_line_that_is_read_is_read_alike_by_the_parser_of_the_platform()
    {
        Gen.Char["a,\"1 "].Array[1, 12].Select(chars => new string(chars)).Where(line => !string.IsNullOrWhiteSpace(line)).Sample(line =>
        {
            if (CsvLine.Split(line, ',') is not { } values) return;
            using var other = new TextFieldParser(new StringReader(line)) { Delimiters = [","], HasFieldsEnclosedInQuotes = true, TrimWhiteSpace = false };
            Assert.Equal(other.ReadFields()!, values);
        }, iter: 5000);
    }
}
