using IvrActors.Edge.Admission;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>overload</c>: from which load on an edge turns new calls away. Every key may be absent.</summary>
internal static class OverloadReader
{
    private const double Percent = 100;

    public static AdmissionRules Read(YamlMap map, int callsAtOnce)
    {
        var fallback = new AdmissionRules();
        var rules = new AdmissionRules
        {
            Cpu = map.Number("cpu", 10, 100, (int)(fallback.Cpu * Percent)) / Percent,
            Memory = map.Number("memory", 10, 100, (int)(fallback.Memory * Percent)) / Percent,
            LoopDelay = map.Time("loop_delay", fallback.LoopDelay),
            GrainLatency = map.Time("grain_latency", fallback.GrainLatency),
            MostTransactions = map.Number("transactions", 1000, 10_000_000, fallback.MostTransactions),
            MostCalls = callsAtOnce,
            EmergencyNumbers = map.Has("emergency_numbers")
                ? map.Texts("emergency_numbers", "a number or user part in quotes", text => text.Length is > 0 and <= 64 ? text : null)
                : map.Absent<IReadOnlyList<string>>("emergency_numbers") ?? fallback.EmergencyNumbers,
        };
        map.Done();
        return rules;
    }
}
