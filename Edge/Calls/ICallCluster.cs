using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>The way to the call grains.</summary>
public interface ICallCluster
{
    /// <summary>Delivers an event, sealing its digits, and repeats it while the cluster is in trouble. Null when that did not help. Never throws.</summary>
    Task<CallReply?> Handle(CallId call, LegEvent legEvent);
}
