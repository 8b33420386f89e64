namespace IvrActors.Edge.Admission;

/// <summary>From which load on new calls are turned away (<c>overload</c> in cluster.yaml), and how many there may be.</summary>
public sealed class AdmissionRules
{
    /// <summary>Pressure below which more is admitted again; between it and 1 nothing changes, so that admission does not flap.</summary>
    public const double Relief = 0.8;

    /// <summary>Of all calls at least this share is let in under pressure: without any, nobody would see that it is over.</summary>
    public const double LeastAccepted = 0.005;

    /// <summary>The most by which the accepted share shrinks at once (the occupancy algorithm of Cyr, Kaufman and Lee; RFC 6357 4).</summary>
    public const double StrongestStep = 0.2;

    /// <summary>Per sample the accepted share grows by a tenth and this: from nearly nothing to all in about 4 s.</summary>
    public const double SlowestGrowth = 0.01;

    /// <summary>Emergency calls get this share of calls at once beyond all others.</summary>
    public const double EmergencyReserve = 0.05;

    /// <summary>Above it a process that also mixes media soon misses frames: RTP wants its turn every 20 ms.</summary>
    public double Cpu { get; init; } = 0.95;

    /// <summary>Above it the garbage collector works more for less, and the system may end the process.</summary>
    public double Memory { get; init; } = 0.85;

    /// <summary>A set-up passes the signalling thread four times and is to take less than 200 ms.</summary>
    public TimeSpan LoopDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>RFC 3261's T1: from there on callers repeat what was not lost.</summary>
    public TimeSpan GrainLatency { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Above this many transactions new requests get no transaction; calls are turned away a tenth before that.</summary>
    public int MostTransactions { get; init; } = 150_000;

    /// <summary>Calls at once.</summary>
    public int MostCalls { get; init; } = 4000;

    /// <summary>Numbers whose calls are shed last.</summary>
    public IReadOnlyList<string> EmergencyNumbers { get; init; } = ["112", "911"];

    /// <summary>Calls of a class at once.</summary>
    public int MostCallsOf(CallClass kind) => kind == CallClass.Emergency ? MostCalls + (int)Math.Max(1, MostCalls * EmergencyReserve) : MostCalls;

    /// <summary>How much of what is bearable a reading says, by signal: above 1 is too much.</summary>
    public double PressureOf(LoadSignal signal, in LoadReading reading) => signal switch
    {
        LoadSignal.Cpu => reading.Cpu / Cpu,
        LoadSignal.Memory => reading.Memory / Memory,
        LoadSignal.LoopDelay => reading.LoopDelay / LoopDelay,
        LoadSignal.GrainLatency => reading.GrainLatency / GrainLatency,
        _ => reading.Transactions / (0.9 * MostTransactions),
    };
}
