using System.Globalization;
using System.Text;

namespace IvrActors.Bench;

/// <summary>The parser that one writes first: strings, Split and a dictionary. It reads the same parts, checks next to nothing, and is the baseline.</summary>
public static class NaiveSipParser
{
    public sealed class Message
    {
        public string[] StartLine { get; set; } = [];
        public Dictionary<string, List<string>> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);
        public Dictionary<string, string> ViaParameters { get; set; } = [];
        public Dictionary<string, string> FromParameters { get; set; } = [];
        public Dictionary<string, string> ToParameters { get; set; } = [];
        public string CSeqMethod { get; set; } = "";
        public uint CSeqNumber { get; set; }
        public string Body { get; set; } = "";
    }

    public static Message Parse(byte[] bytes)
    {
        var halves = Encoding.UTF8.GetString(bytes).Split("\r\n\r\n", 2);
        var lines = halves[0].Split("\r\n");
        var message = new Message { StartLine = lines[0].Split(' '), Body = halves[1] };
        foreach (var line in lines.Skip(1))
        {
            var parts = line.Split(':', 2);
            var name = parts[0].Trim();
            if (!message.Headers.TryGetValue(name, out var values))
                message.Headers[name] = values = [];
            values.Add(parts[1].Trim());
        }
        message.ViaParameters = Parameters(message.Headers["Via"][0]);
        message.FromParameters = Parameters(message.Headers["From"][0]);
        message.ToParameters = Parameters(message.Headers["To"][0]);
        var cseq = message.Headers["CSeq"][0].Split(' ');
        message.CSeqNumber = uint.Parse(cseq[0], CultureInfo.InvariantCulture);
        message.CSeqMethod = cseq[1];
        return message;
    }

    private static Dictionary<string, string> Parameters(string value) => value.Split(';').Skip(1)
        .Select(parameter => parameter.Split('=', 2))
        .ToDictionary(pair => pair[0].Trim(), pair => pair.Length > 1 ? pair[1].Trim() : "", StringComparer.OrdinalIgnoreCase);
}
