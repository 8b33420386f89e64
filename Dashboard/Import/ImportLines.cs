using System.Runtime.CompilerServices;
using System.Text;

namespace IvrActors.Dashboard.Import;

/// <summary>One line of a file. It holds secrets: a class, so that nothing prints it.</summary>
/// <param name="number">From 1 on.</param>
/// <param name="text">Null: it is longer than a row may be, and was not kept.</param>
internal sealed class ImportLine(int number, string? text)
{
    public int Number => number;

    public string? Text => text;
}

/// <summary>
/// Reads lines, of which none takes more memory than a row may. In CSV, too, a row is a line: no value of a caller holds a line break, and so a quotation mark that is never closed
/// spoils its own row and none of those behind it.
/// </summary>
internal static class ImportLines
{
    /// <summary>A caller with the most transactions that an enrolment takes is below 16 KiB.</summary>
    public const int Most = 64 * 1024;

    private const int Chunk = 8 * 1024;

    public static async IAsyncEnumerable<ImportLine> Read(TextReader input, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var chunk = new char[Chunk];
        var line = new StringBuilder();
        var (number, tooLong, any) = (1, false, false);
        for (int read; (read = await input.ReadAsync(chunk, cancellation)) > 0;)
        {
            for (var at = 0; at < read;)
            {
                var rest = chunk.AsSpan(at, read - at);
                var end = rest.IndexOf('\n');
                var part = end < 0 ? rest : rest[..end];
                tooLong |= line.Length + part.Length > Most;
                if (tooLong) line.Clear();
                else line.Append(part);
                at += part.Length + (end < 0 ? 0 : 1);
                any = end < 0;
                if (end < 0) break;
                yield return Take(line, number++, tooLong);
                tooLong = false;
            }
        }
        if (any) yield return Take(line, number, tooLong);
    }

    private static ImportLine Take(StringBuilder line, int number, bool tooLong)
    {
        var text = line.ToString().TrimEnd('\r');
        line.Clear();
        // A byte order mark is left where the reader was not told the encoding (standard input).
        return new ImportLine(number, tooLong ? null : number == 1 ? text.TrimStart('\uFEFF') : text);
    }
}
