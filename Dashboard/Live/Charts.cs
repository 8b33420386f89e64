using System.Globalization;
using System.Text;

namespace IvrActors.Dashboard.Live;

/// <summary>Small charts as data of SVG paths, in a box of <see cref="Width"/> by <see cref="Height"/>.</summary>
internal static class Charts
{
    public const int Width = 240;
    public const int Height = 48;

    // Room for the line's own width at the top.
    private const double Top = 3;

    /// <summary>An open line through the values, the newest at the right edge.</summary>
    public static string Line(IReadOnlyList<int> values, int slots)
    {
        if (values.Count == 0) return "";
        var most = Math.Max(1, values.Max());
        var path = new StringBuilder();
        for (var i = 0; i < values.Count; i++)
        {
            var x = Width - ((double)Width / (slots - 1) * (values.Count - 1 - i));
            Append(path, i == 0 ? 'M' : 'L', x, Y(values[i], most));
        }
        return path.ToString();
    }

    /// <summary>The line closed down to the base, to be filled.</summary>
    public static string Area(IReadOnlyList<int> values, int slots)
    {
        if (values.Count == 0) return "";
        var first = Width - ((double)Width / (slots - 1) * (values.Count - 1));
        return string.Create(CultureInfo.InvariantCulture, $"{Line(values, slots)}L{Width} {Height}L{first:0.#} {Height}z");
    }

    /// <summary>One bar a value. Of two stacked series, <paramref name="below"/> stands under these bars and <paramref name="above"/> on them.</summary>
    public static string Bars(IReadOnlyList<int> values, IReadOnlyList<int>? below = null, IReadOnlyList<int>? above = null)
    {
        var most = Math.Max(1, Enumerable.Range(0, values.Count).Max(i => values[i] + (below?[i] ?? 0) + (above?[i] ?? 0)));
        var step = (double)Width / values.Count;
        var path = new StringBuilder();
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] == 0) continue;
            var bottom = Y(below?[i] ?? 0, most);
            var top = Y(values[i] + (below?[i] ?? 0), most);
            path.Append(CultureInfo.InvariantCulture, $"M{(i * step) + 1:0.#} {bottom:0.#}V{top:0.#}h{step - 2:0.#}V{bottom:0.#}z");
        }
        return path.ToString();
    }

    private static double Y(int value, int most) => Height - ((Height - Top) * value / most);

    private static void Append(StringBuilder path, char command, double x, double y) => path.Append(CultureInfo.InvariantCulture, $"{command}{x:0.#} {y:0.#}");
}
