using System.Globalization;
using System.Text;

namespace IvrActors.Dashboard.Flows;

/// <summary>SVG details of a laid-out flow.</summary>
internal static class FlowDrawing
{
    // A step's name or an edge's label longer than its room is cut on the drawing; the whole text is in its title.
    private const int MostInBox = 20;
    private const int MostOnEdge = 24;

    /// <summary>A smooth path through the points: vertical at every point, so that boxes are left and entered straight.</summary>
    public static string Path(PlacedEdge edge)
    {
        var points = edge.Points;
        var path = new StringBuilder();
        path.Append(CultureInfo.InvariantCulture, $"M{points[0].X:0.#} {points[0].Y:0.#}");
        if (edge.From == edge.To)
        {
            return path.Append(CultureInfo.InvariantCulture, $"C{points[1].X:0.#} {points[1].Y:0.#} {points[2].X:0.#} {points[2].Y:0.#} {points[3].X:0.#} {points[3].Y:0.#}").ToString();
        }
        for (var i = 1; i < points.Count; i++)
        {
            var (from, to) = (points[i - 1], points[i]);
            var middle = (from.Y + to.Y) / 2;
            path.Append(CultureInfo.InvariantCulture, $"C{from.X:0.#} {middle:0.#} {to.X:0.#} {middle:0.#} {to.X:0.#} {to.Y:0.#}");
        }
        return path.ToString();
    }

    /// <summary>Where the label stands: on the first bend, a little nearer to the step that it leaves; neighbours are staggered.</summary>
    public static (string X, string Y) LabelAt(PlacedEdge edge, int stagger)
    {
        if (edge.From == edge.To) return (Round(edge.Points[1].X + 4), Round((edge.Points[1].Y + edge.Points[2].Y) / 2));
        var (from, to) = (edge.Points[0], edge.Points[1]);
        var along = 0.28 + (0.22 * (stagger % 3));
        // The cubic of Path at this parameter.
        var x = from.X + ((to.X - from.X) * along * along * (3 - (2 * along)));
        return (Round(x), Round(from.Y + ((to.Y - from.Y) * along)));
    }

    public static string Name(string name) => Cut(name, MostInBox);

    public static string Label(string label) => Cut(label, MostOnEdge);

    public static string Round(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>The class that gives a kind its colour; kinds of later versions look plain.</summary>
    public static string ClassOf(string kind) => kind.Replace('-', '_') switch
    {
        "play" or "say" => "kind-play",
        "collect" => "kind-collect",
        "menu" or "branch" => "kind-menu",
        "verify" or "authenticate" or "set_pin" => "kind-verify",
        "fetch" => "kind-fetch",
        "transfer" => "kind-transfer",
        "hang_up" or "hangup" => "kind-end",
        _ => "kind-other",
    };

    /// <summary>A 16 by 16 icon for the kind, as path data.</summary>
    public static string IconOf(string kind) => ClassOf(kind) switch
    {
        "kind-play" => "M2 6v4h3l4 3V3L5 6zM11 5.5q2 2.5 0 5M13 3.5q3.5 4.5 0 9",
        "kind-collect" => "M3 3h2v2H3zM7 3h2v2H7zM11 3h2v2h-2zM3 7h2v2H3zM7 7h2v2H7zM11 7h2v2h-2zM7 11h2v2H7z",
        "kind-menu" => "M3 4h2M7 4h6M3 8h2M7 8h6M3 12h2M7 12h6",
        "kind-verify" => "M8 1.8 13 4v4c0 3-2.2 5-5 6.2C5.200 13 3 11 3 8V4zM5.500 8l2 2 3-4",
        "kind-fetch" => "M3 4c0-2 10-2 10 0v8c0 2-10 2-10 0zM3 4c0 2 10 2 10 0M3 8c0 2 10 2 10 0",
        "kind-transfer" => "M2 8h11M9 4l4 4-4 4",
        "kind-end" => "M2 9c3-4 9-4 12 0l-2 2-2.500-1.500V8c-1-.4-2-.4-3 0v1.500L4 11z",
        _ => "M8 3v5l3 2M8 1.500a6.500 6.500 0 1 0 .01 0",
    };

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(most - 1)] + "…";
}
