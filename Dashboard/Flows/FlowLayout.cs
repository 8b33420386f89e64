using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Dashboard.Flows;

/// <summary>A step's box: its top left corner.</summary>
internal sealed record PlacedStep(FlowGraphStep Step, double X, double Y, bool IsStart);

/// <summary>An edge as points from the bottom of one box to the top of another (or up the side, when it leads back).</summary>
internal sealed record PlacedEdge(string From, string To, string Label, bool LeadsBack, IReadOnlyList<(double X, double Y)> Points);

/// <summary>
/// A layered drawing (Sugiyama): edges that close a cycle are turned round, steps get layers by their longest way from the start,
/// long edges pass through places of their own in the layers between, and layers are ordered to cross less.
/// </summary>
internal sealed class FlowLayout
{
    public const double BoxWidth = 190;
    public const double BoxHeight = 46;
    private const double GapX = 30;
    private const double PassGap = 6;
    private const double GapY = 74;
    private const double PassWidth = 26;
    private const double Margin = 24;
    private const int Sweeps = 12;

    public required double Width { get; init; }
    public required double Height { get; init; }
    public required IReadOnlyList<PlacedStep> Steps { get; init; }
    public required IReadOnlyList<PlacedEdge> Edges { get; init; }

    public static FlowLayout Of(FlowGraph graph)
    {
        var names = graph.Steps.Select(step => step.Name).ToHashSet(StringComparer.Ordinal);
        // Several ways between the same two steps are one line with their labels together.
        var links = graph.Edges.Where(edge => names.Contains(edge.From) && names.Contains(edge.To))
            .GroupBy(edge => (edge.From, edge.To))
            .Select(ways => new Link(ways.Key.From, ways.Key.To, string.Join(" · ", ways.Select(way => way.Label).Distinct(StringComparer.Ordinal))))
            .ToList();
        TurnCyclesRound(graph, links);
        var layerOf = Layer(graph, links);
        var layers = Fill(graph, links, layerOf);
        Order(layers);
        Place(layers);
        return Draw(graph, links, layers);
    }

    private static void TurnCyclesRound(FlowGraph graph, List<Link> links)
    {
        var from = links.ToLookup(link => link.From, StringComparer.Ordinal);
        var state = new Dictionary<string, bool>(StringComparer.Ordinal); // false: on the way down, true: finished
        foreach (var root in graph.Steps)
        {
            if (state.ContainsKey(root.Name)) continue;
            // A stack of our own: a flow may be a chain of thousands of steps.
            var stack = new Stack<(string Name, IEnumerator<Link> Ways)>();
            state[root.Name] = false;
            stack.Push((root.Name, from[root.Name].GetEnumerator()));
            while (stack.TryPeek(out var top))
            {
                if (!top.Ways.MoveNext())
                {
                    state[top.Name] = true;
                    stack.Pop();
                }
                else if (state.TryGetValue(top.Ways.Current.To, out var finished))
                {
                    top.Ways.Current.LeadsBack = !finished;
                }
                else
                {
                    state[top.Ways.Current.To] = false;
                    stack.Push((top.Ways.Current.To, from[top.Ways.Current.To].GetEnumerator()));
                }
            }
        }
    }

    private static Dictionary<string, int> Layer(FlowGraph graph, List<Link> links)
    {
        var layerOf = graph.Steps.ToDictionary(step => step.Name, _ => 0, StringComparer.Ordinal);
        var down = links.Where(link => link.Upper != link.Lower).ToLookup(link => link.Upper, StringComparer.Ordinal);
        var waiting = layerOf.Keys.ToDictionary(name => name, name => links.Count(link => link.Upper != link.Lower && link.Lower == name), StringComparer.Ordinal);
        var ready = new Queue<string>(graph.Steps.Select(step => step.Name).Where(name => waiting[name] == 0));
        while (ready.TryDequeue(out var name))
        {
            foreach (var link in down[name])
            {
                layerOf[link.Lower] = Math.Max(layerOf[link.Lower], layerOf[name] + 1);
                if (--waiting[link.Lower] == 0) ready.Enqueue(link.Lower);
            }
        }
        return layerOf;
    }

    private static List<List<Node>> Fill(FlowGraph graph, List<Link> links, Dictionary<string, int> layerOf)
    {
        var layers = Enumerable.Range(0, layerOf.Values.DefaultIfEmpty().Max() + 1).Select(_ => new List<Node>()).ToList();
        var nodes = new Dictionary<string, Node>(StringComparer.Ordinal);
        foreach (var step in graph.Steps)
        {
            nodes[step.Name] = new Node { Step = step, Layer = layerOf[step.Name] };
            layers[layerOf[step.Name]].Add(nodes[step.Name]);
        }
        foreach (var link in links.Where(link => link.Upper != link.Lower))
        {
            link.Way.Add(nodes[link.Upper]);
            for (var layer = layerOf[link.Upper] + 1; layer < layerOf[link.Lower]; layer++)
            {
                var pass = new Node { Layer = layer };
                layers[layer].Add(pass);
                link.Way.Add(pass);
            }
            link.Way.Add(nodes[link.Lower]);
            for (var i = 1; i < link.Way.Count; i++)
            {
                link.Way[i - 1].Below.Add(link.Way[i]);
                link.Way[i].Above.Add(link.Way[i - 1]);
            }
        }
        return layers;
    }

    private static void Order(List<List<Node>> layers)
    {
        Number(layers);
        var best = layers.Select(layer => layer.ToList()).ToList();
        var fewest = Crossings(layers);
        for (var sweep = 0; sweep < Sweeps && fewest > 0; sweep++)
        {
            var down = sweep % 2 == 0;
            foreach (var layer in down ? layers : Enumerable.Reverse(layers))
            {
                // Reverse of a list yields the same inner lists: sorting them in place is meant.
                var sorted = layer.OrderBy(node => Barycentre(node, down)).ToList();
                layer.Clear();
                layer.AddRange(sorted);
                for (var i = 0; i < layer.Count; i++) layer[i].Index = i;
            }
            var crossings = Crossings(layers);
            if (crossings >= fewest) continue;
            fewest = crossings;
            best = [.. layers.Select(layer => layer.ToList())];
        }
        for (var i = 0; i < layers.Count; i++) layers[i] = best[i];
        Number(layers);
    }

    private static double Barycentre(Node node, bool down)
    {
        var near = down ? node.Above : node.Below;
        return near.Count == 0 ? node.Index : near.Average(other => other.Index);
    }

    private static int Crossings(List<List<Node>> layers)
    {
        var count = 0;
        foreach (var layer in layers)
        {
            List<(int From, int To)> lines = [.. layer.SelectMany(node => node.Below.Select(below => (node.Index, below.Index)))];
            for (var i = 0; i < lines.Count; i++)
            {
                for (var j = i + 1; j < lines.Count; j++)
                {
                    if ((lines[i].From - lines[j].From) * (lines[i].To - lines[j].To) < 0) count++;
                }
            }
        }
        return count;
    }

    private static void Number(List<List<Node>> layers)
    {
        foreach (var layer in layers)
        {
            for (var i = 0; i < layer.Count; i++) layer[i].Index = i;
        }
    }

    /// <summary>Centres: every node is drawn towards its neighbours, alternating down and up, and keeps its distance.</summary>
    private static void Place(List<List<Node>> layers)
    {
        foreach (var layer in layers) Spread(layer);
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var down = sweep % 2 == 0;
            foreach (var layer in down ? layers : Enumerable.Reverse(layers))
            {
                foreach (var node in layer)
                {
                    var near = (down ? node.Above : node.Below) is { Count: > 0 } chosen ? chosen : down ? node.Below : node.Above;
                    if (near.Count > 0) node.X = near.Sum(other => other.X * Pull(node, other)) / near.Sum(other => Pull(node, other));
                }
                Spread(layer);
            }
        }
        var left = layers.SelectMany(layer => layer).Select(node => node.X - (node.Width / 2)).DefaultIfEmpty().Min();
        foreach (var node in layers.SelectMany(layer => layer)) node.X += Margin - left;
    }

    // A step stands under the step before it rather than between that and the lines that pass by; a line that passes is kept straight.
    private static double Pull(Node node, Node other) => (node.Step is null) == (other.Step is null) ? 8 : 1;

    /// <summary>Moves nodes apart to both sides of where they want to be, keeping their order (pool adjacent violators).</summary>
    private static void Spread(List<Node> layer)
    {
        var blocks = new List<(double Sum, int Count, int First)>();
        var offset = new double[layer.Count];
        for (var i = 1; i < layer.Count; i++) offset[i] = offset[i - 1] + ((layer[i - 1].Width + layer[i].Width) / 2) + (layer[i - 1].Step is null || layer[i].Step is null ? PassGap : GapX);
        for (var i = 0; i < layer.Count; i++)
        {
            blocks.Add((layer[i].X - offset[i], 1, i));
            while (blocks.Count > 1 && blocks[^2].Sum / blocks[^2].Count > blocks[^1].Sum / blocks[^1].Count)
            {
                var (upper, lower) = (blocks[^1], blocks[^2]);
                blocks.RemoveRange(blocks.Count - 2, 2);
                blocks.Add((lower.Sum + upper.Sum, lower.Count + upper.Count, lower.First));
            }
        }
        foreach (var (sum, count, first) in blocks)
        {
            for (var i = first; i < first + count; i++) layer[i].X = (sum / count) + offset[i];
        }
    }

    private static FlowLayout Draw(FlowGraph graph, List<Link> links, List<List<Node>> layers)
    {
        var start = graph.Steps.Count > 0 ? graph.Steps[0].Name : "";
        var nodes = layers.SelectMany(layer => layer).Where(node => node.Step is not null).ToDictionary(node => node.Step!.Name, StringComparer.Ordinal);
        var width = layers.SelectMany(layer => layer).Select(node => node.X + (node.Width / 2)).DefaultIfEmpty().Max() + Margin;
        var lines = links.Select(link => new PlacedEdge(link.From, link.To, link.Label, link.LeadsBack, Points(link, links, nodes))).ToList();
        return new FlowLayout
        {
            Width = Math.Max(width, lines.SelectMany(line => line.Points).Select(point => point.X).DefaultIfEmpty().Max() + Margin),
            Height = (2 * Margin) + (layers.Count * (BoxHeight + GapY)) - GapY,
            Steps = [.. graph.Steps.Select(step => new PlacedStep(step, nodes[step.Name].X - (BoxWidth / 2), Top(nodes[step.Name].Layer), step.Name == start))],
            Edges = lines,
        };
    }

    private static List<(double X, double Y)> Points(Link link, List<Link> links, Dictionary<string, Node> nodes)
    {
        if (link.From == link.To)
        {
            // A step that repeats itself: a loop at its right side.
            var (right, top) = (nodes[link.From].X + (BoxWidth / 2), Top(nodes[link.From].Layer));
            return [(right, top + 12), (right + 22, top + 12), (right + 22, top + BoxHeight - 12), (right, top + BoxHeight - 12)];
        }
        var points = new List<(double X, double Y)> { (Port(link, links, link.Way[0], below: true), Top(link.Way[0].Layer) + BoxHeight) };
        foreach (var pass in link.Way[1..^1])
        {
            points.Add((pass.X, Top(pass.Layer)));
            points.Add((pass.X, Top(pass.Layer) + BoxHeight));
        }
        points.Add((Port(link, links, link.Way[^1], below: false), Top(link.Way[^1].Layer)));
        if (link.LeadsBack) points.Reverse();
        return points;
    }

    /// <summary>Where the line touches the box: the lines of one side spread over it in the order of where they go.</summary>
    private static double Port(Link link, List<Link> links, Node node, bool below)
    {
        var side = links.Where(other => other.Way.Count > 0 && (below ? other.Way[0] : other.Way[^1]) == node)
            .OrderBy(other => (below ? other.Way[1] : other.Way[^2]).X).ToList();
        var room = BoxWidth * Math.Min(0.8, 0.22 * (side.Count - 1));
        return node.X + (side.Count == 1 ? 0 : (room * side.IndexOf(link) / (side.Count - 1)) - (room / 2));
    }

    private static double Top(int layer) => Margin + (layer * (BoxHeight + GapY));

    private sealed class Link(string from, string to, string label)
    {
        public string From { get; } = from;
        public string To { get; } = to;
        public string Label { get; } = label;
        public bool LeadsBack { get; set; }
        public string Upper => LeadsBack ? To : From;
        public string Lower => LeadsBack ? From : To;
        public List<Node> Way { get; } = [];
    }

    private sealed class Node
    {
        public FlowGraphStep? Step { get; init; }
        public required int Layer { get; init; }
        public int Index { get; set; }
        public double X { get; set; }
        public List<Node> Above { get; } = [];
        public List<Node> Below { get; } = [];
        public double Width => Step is null ? PassWidth : BoxWidth;
    }
}
