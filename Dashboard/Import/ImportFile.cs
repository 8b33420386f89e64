using System.Runtime.CompilerServices;

namespace IvrActors.Dashboard.Import;

/// <summary>How callers stand in a file.</summary>
public enum ImportFormat
{
    /// <summary>One JSON object a line.</summary>
    JsonLines = 0,

    /// <summary>A first line with names of columns, then one caller a line, with commas or semicolons.</summary>
    Csv = 1,
}

/// <summary>One line of a file and the caller that it means, or what is wrong with it.</summary>
internal sealed class ImportRow
{
    public required ImportLine Line { get; init; }
    public NewCaller? Caller { get; init; }

    /// <summary>Without any value.</summary>
    public string? Error { get; init; }

    /// <summary>Nothing after it can be understood either.</summary>
    public bool EndsFile { get; init; }
}

/// <summary>A file of callers, read as it comes.</summary>
/// <param name="from">Rows before this line were done before.</param>
public sealed class ImportFile(TextReader input, ImportFormat format, int from = 1)
{
    private List<string> _columns = [];
    private char _separator = ',';

    /// <summary>The line with the names of columns, once it was read; a file with the rows that were refused begins with it.</summary>
    public string? Header { get; private set; }

    internal async IAsyncEnumerable<ImportRow> Read([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var line in ImportLines.Read(input, cancellation))
        {
            if (line.Text is { } text && string.IsNullOrWhiteSpace(text)) continue;
            if (format == ImportFormat.Csv && Header is null)
            {
                if (ErrorOfHeader(line.Text) is { } error)
                {
                    yield return new ImportRow { Line = line, Error = error, EndsFile = true };
                    yield break;
                }
                continue;
            }
            if (line.Number >= from) yield return RowOf(line);
        }
    }

    private ImportRow RowOf(ImportLine line)
    {
        if (line.Text is not { } text) return new ImportRow { Line = line, Error = $"longer than {ImportLines.Most} characters" };
        var (row, error) = format == ImportFormat.Csv ? OfCsv(text) : CallerRow.OfJson(text);
        if (row is null) return new ImportRow { Line = line, Error = error };
        var (caller, wrong) = row.Read();
        return new ImportRow { Line = line, Caller = caller, Error = wrong };
    }

    private (CallerRow? Row, string? Error) OfCsv(string text) => CsvLine.Split(text, _separator) is { } values
        ? CallerRow.OfValues(_columns, values)
        : (null, "a quotation mark is not closed on its line, or stands where none may be");

    /// <summary>Takes the names of columns. What stands there is not repeated: without such a line it would be somebody's values.</summary>
    private string? ErrorOfHeader(string? text)
    {
        _separator = text is not null && text.Contains(';', StringComparison.Ordinal) && !text.Contains(',', StringComparison.Ordinal) ? ';' : ',';
        if (text is null || CsvLine.Split(text, _separator) is not { } columns) return "no names of columns";
        _columns = [.. columns.Select(column => column.Trim())];
        for (var i = 0; i < _columns.Count; i++)
        {
            if (!CallerRow.Names.Contains(_columns[i], StringComparer.OrdinalIgnoreCase)) return $"column {i + 1} has no name of a value (expected some of {string.Join(", ", CallerRow.Names)})";
            if (_columns.FindIndex(column => string.Equals(column, _columns[i], StringComparison.OrdinalIgnoreCase)) != i) return $"column {i + 1} has the name of another one";
        }
        Header = text;
        return null;
    }
}
