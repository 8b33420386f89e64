namespace IvrActors.Grains.Edges;

/// <summary>Which lives an edge has and had, stored: whoever takes the edge's grain over after the loss of a silo knows them.</summary>
[GenerateSerializer, Alias("ivr.state.EdgeLife")]
internal sealed class EdgeLife
{
    /// <summary>The one that reported last and was not taken for gone since; empty: none.</summary>
    [Id(0)] public string Alive { get; set; } = "";

    /// <summary>Those that are over and whose calls were perhaps not all seen to.</summary>
    [Id(1)] public List<string> Lost { get; set; } = [];

    public EdgeLife With(string alive) => new()
    {
        Alive = alive,
        Lost = Alive.Length == 0 || Alive == alive || Lost.Contains(Alive) ? Lost : [.. Lost, Alive],
    };

    public EdgeLife Without(IReadOnlyCollection<string> settled) => new() { Alive = Alive, Lost = [.. Lost.Where(life => !settled.Contains(life))] };
}

/// <summary>Decides by what is heard of an edge whether it is gone. Pure; times in ticks of one clock.</summary>
internal sealed class EdgePulse
{
    /// <summary>An edge is heard every second; this much silence is three beats that were lost. One that is overloaded is a second late or two.</summary>
    public static readonly TimeSpan MostSilence = TimeSpan.FromSeconds(4);

    /// <summary>After a silo is gone its edges look for another, which takes the time of one request and of the next report.</summary>
    public static readonly TimeSpan MostSilenceAtFirst = TimeSpan.FromSeconds(12);

    /// <summary>It is looked at every second. Who looks so late was not there to hear anything: a machine that stood still as a whole takes no edge for gone.</summary>
    public static readonly TimeSpan MostPause = TimeSpan.FromSeconds(2.5);

    private long _since;
    private long _looked;
    private bool _isHeard;

    public EdgePulse(long now) => _since = _looked = now;

    public void Heard(long now) => (_since, _isHeard) = (now, true);

    /// <summary>Whether the edge is gone. To be asked every second.</summary>
    public bool IsGone(long now)
    {
        if (now - _looked > MostPause.Ticks) _since = now;
        _looked = now;
        return now - _since > (_isHeard ? MostSilence : MostSilenceAtFirst).Ticks;
    }

    /// <summary>Whether it was heard lately.</summary>
    public bool Beats(long now) => _isHeard && now - _since <= MostSilence.Ticks;
}
