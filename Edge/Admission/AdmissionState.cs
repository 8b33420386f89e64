namespace IvrActors.Edge.Admission;

/// <summary>What is admitted now, and what that was derived from.</summary>
public sealed record AdmissionState
{
    public static readonly AdmissionState Open = new();

    /// <summary>Share of new calls that is let in, of all classes together: 1 while there is no overload.</summary>
    public double Accepted { get; init; } = 1;

    /// <summary>The strongest signal, and how strong it was: above 1 is too much.</summary>
    public LoadSignal Signal { get; init; }
    public double Pressure { get; init; }

    /// <summary>Share of each class that is turned away.</summary>
    public double OrdinaryShed { get; init; }
    public double KnownShed { get; init; }

    /// <summary>New calls in a sample, smoothed.</summary>
    public double Ordinary { get; init; }
    public double Known { get; init; }

    public bool IsShedding => Accepted < 1;

    /// <summary>Emergency calls are not turned away by load, only when there is no room at all: the gate bounds how many count as such.</summary>
    public double ShedOf(CallClass kind) => kind switch { CallClass.Ordinary => OrdinaryShed, CallClass.Known => KnownShed, _ => 0 };
}
