namespace IvrActors.Edge.Admission;

/// <summary>What load is measured by. The order is that of metrics and of ties.</summary>
public enum LoadSignal
{
    Cpu,
    Memory,
    LoopDelay,
    GrainLatency,
    Transactions,
}

/// <summary>The load of this edge at one moment.</summary>
/// <param name="Cpu">Share of the processors that the process may use, 0 to 1, over the last seconds.</param>
/// <param name="Memory">Share of the memory that the process may use, 0 to 1.</param>
/// <param name="LoopDelay">How long an input waits for the signalling thread, at the least over the last samples: one hiccup is no queue.</param>
/// <param name="GrainLatency">How long a new call waits for its grain, of nine in ten calls at most; zero while there are too few calls to say.</param>
/// <param name="Transactions">SIP transactions that are kept.</param>
public readonly record struct LoadReading(double Cpu, double Memory, TimeSpan LoopDelay, TimeSpan GrainLatency, int Transactions);
