namespace IvrActors.Edge.Calls;

/// <summary>How the process that an edge is part of has it end.</summary>
public interface IEdgeDrain
{
    /// <summary>Calls that are not over.</summary>
    int ActiveCalls { get; }

    /// <summary>No new calls from now on, until the process has ended.</summary>
    void End();

    /// <summary>Ends the calls that there are now.</summary>
    void EndCalls();
}
