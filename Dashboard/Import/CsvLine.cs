using System.Text;

namespace IvrActors.Dashboard.Import;

/// <summary>Values of one line of CSV (RFC 4180 2): separated by one character, in quotation marks where they hold it, a quotation mark inside of them doubled.</summary>
internal static class CsvLine
{
    /// <summary>The values, or null where a quotation mark stands inside of a value without quotes, is not closed, or has something behind it.</summary>
    public static List<string>? Split(string line, char separator)
    {
        var values = new List<string>();
        var value = new StringBuilder();
        var at = 0;
        while (true)
        {
            value.Clear();
            if (at < line.Length && line[at] == '"')
            {
                if (!ReadQuoted(line, ref at, value)) return null;
            }
            else
            {
                while (at < line.Length && line[at] != separator)
                {
                    if (line[at] == '"') return null;
                    value.Append(line[at++]);
                }
            }
            values.Add(value.ToString());
            if (at == line.Length) return values;
            if (line[at++] != separator) return null;
        }
    }

    private static bool ReadQuoted(string line, ref int at, StringBuilder value)
    {
        for (at++; at < line.Length; at++)
        {
            if (line[at] == '"')
            {
                at++;
                if (at == line.Length || line[at] != '"') return true;
            }
            value.Append(line[at]);
        }
        return false;
    }
}
