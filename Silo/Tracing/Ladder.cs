using System.Globalization;
using System.Text;

namespace IvrActors.Silo.Tracing;

/// <summary>
/// Draws messages as they come: a column for each participant, an arrow for each message, and beside it what it belongs to. Columns come as participants do; when no more fit, the
/// drawing begins anew with those who speak.
/// </summary>
/// <remarks><code>
///                      127.0.0.1:5070             edge-1
///                          |                         |
/// 19:13:05.703            #1 |---- INVITE (sdp) ------->|   UDP 1 INVITE
/// </code></remarks>
/// <param name="width">Characters of a line.</param>
/// <param name="colours">Whether the output is a terminal.</param>
internal sealed class Ladder(int width, bool colours)
{
    private const int Left = 28, ColumnWidth = 34, Right = 26, LeastColumns = 2, MostColumns = 6;

    /// <summary>Calls that are remembered; a trace of an hour has as many as it likes.</summary>
    private const int MostCalls = 10_000;

    private static readonly TimeSpan s_longAgo = TimeSpan.FromSeconds(99.9994);

    private readonly List<Participant> _columns = [];
    private readonly Dictionary<string, CallOfTrace> _calls = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private int _lastCall;

    private int Room => Math.Clamp((width - Left - Right) / ColumnWidth, LeastColumns, MostColumns);

    /// <summary>The lines that this message adds.</summary>
    public IReadOnlyList<string> Draw(ShownMessage message)
    {
        var lines = new List<string>();
        var edge = new Participant(message.Edge, message.Local.Address.ToString());
        var peer = new Participant(message.Remote.ToString(), message.IsIgnored ? "not listened to" : message.Trunk);
        var (from, to) = message.Sent ? (edge, peer) : (peer, edge);
        var call = CallOf(message, lines);
        if (MakeRoom(from, to)) lines.AddRange(Head());
        lines.Add(Arrow(message, call, _columns.IndexOf(from), _columns.IndexOf(to)));
        return lines;
    }

    private CallOfTrace CallOf(ShownMessage message, List<string> lines)
    {
        if (_calls.TryGetValue(message.SipCallId, out var call)) return call;
        if (_calls.Count >= MostCalls) _calls.Clear();
        call = _calls[message.SipCallId] = new CallOfTrace(message.SipCallId.Length == 0 ? 0 : ++_lastCall);
        if (call.Number > 0) lines.Add($"#{call.Number} {(message.Call.Length > 0 ? message.Call : message.Label.Split(' ')[0])}{(message.Trunk.Length > 0 ? ", trunk " + message.Trunk : "")}, Call-ID {message.SipCallId}");
        return call;
    }

    /// <summary>True when the columns changed.</summary>
    private bool MakeRoom(Participant from, Participant to)
    {
        Participant[] missing = [.. new[] { from, to }.Where(participant => !_columns.Contains(participant))];
        if (missing.Length == 0) return false;
        if (_columns.Count + missing.Length > Room)
        {
            _columns.Clear();
            missing = [from, to];
        }
        _columns.AddRange(missing);
        return true;
    }

    private IEnumerable<string> Head()
    {
        yield return "";
        yield return Centred(column => column.Name);
        if (_columns.Any(column => column.Note.Length > 0)) yield return Centred(column => column.Note);
        yield return new string(Rails()).TrimEnd();
    }

    private string Centred(Func<Participant, string> text)
    {
        var line = new StringBuilder();
        for (var i = 0; i < _columns.Count; i++)
        {
            var name = text(_columns[i]);
            if (name.Length > ColumnWidth - 2) name = name[..(ColumnWidth - 2)];
            var start = Math.Max(line.Length, XOf(i) - (name.Length / 2));
            line.Append(' ', start - line.Length).Append(name).Append(' ');
        }
        return line.ToString().TrimEnd();
    }

    private static int XOf(int column) => Left + 8 + (column * ColumnWidth);

    private char[] Rails()
    {
        var line = new string(' ', XOf(_columns.Count - 1) + 1).ToCharArray();
        for (var i = 0; i < _columns.Count; i++) line[XOf(i)] = '|';
        return line;
    }

    private string Arrow(ShownMessage message, CallOfTrace call, int from, int to)
    {
        var line = Rails();
        var (left, right) = (XOf(Math.Min(from, to)) + 1, XOf(Math.Max(from, to)) - 1);
        line.AsSpan(left..(right + 1)).Fill('-');
        var head = message.IsIgnored ? 'x' : from < to ? '>' : '<';
        line[from < to ? right : left] = head;
        var label = $" {message.Label} ";
        if (label.Length > right - left - 3) label = label[..(right - left - 4)] + " ";
        label.CopyTo(line.AsSpan(left + ((right - left - label.Length) / 2) + 1));

        var since = call.Last is { } last ? message.At - last : TimeSpan.Zero;
        call.Last = message.At;
        var delta = since > s_longAgo ? " >99.9 s" : since.TotalSeconds.ToString("+0.000;-0.000", CultureInfo.InvariantCulture);
        var time = message.At.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        var margin = $"{time} {delta,8} {(call.Number > 0 ? $"#{call.Number}" : ""),5} ".PadRight(Left);
        var repeated = _seen.Count < MostCalls && !_seen.Add($"{message.Sent}{message.Remote}{message.Text}") && message.Text.Length > 0;
        var text = $"{margin}{new string(line)[Left..]}  {message.Transport} {message.Note}{(repeated ? " again" : "")}".TrimEnd();
        return Coloured(message, text);
    }

    private string Coloured(ShownMessage message, string line)
    {
        if (!colours) return line;
        const string Red = "\e[31m", Green = "\e[32m", Yellow = "\e[33m", Bold = "\e[1m", Off = "\e[0m";
        var colour = message.IsIgnored || message.Text.Length == 0 ? Yellow : message.Status switch { 0 => Bold, < 200 => "", < 400 => Green, _ => Red };
        return colour.Length == 0 ? line : colour + line + Off;
    }

    private sealed record Participant(string Name, string Note)
    {
        // A trunk may be known only later, by a password: the same end all the same.
        public bool Equals(Participant? other) => other is not null && Name == other.Name;

        public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);
    }

    private sealed class CallOfTrace(int number)
    {
        public int Number { get; } = number;

        public DateTimeOffset? Last { get; set; }
    }
}
