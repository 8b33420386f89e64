using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

/// <summary>The way to the call grains.</summary>
public interface ICallCluster
{
    /// <summary>Delivers an event, sealing its digits, and repeats it while the cluster is in trouble. Null when that did not help. Never throws.</summary>
    Task<CallReply?> Handle(CallId call, LegEvent legEvent);

    /// <summary>Has a call's dialogs kept as they are now. False when they were perhaps not. Never throws.</summary>
    Task<bool> Keep(CallId call, int epoch, CallDialog dialog, CallDialog? other);
}
