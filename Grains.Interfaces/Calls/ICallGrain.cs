using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>One call, keyed by <see cref="CallId"/>. Control goes up as an event and comes back as commands in the reply.</summary>
[Alias("ivr.ICallGrain")]
public interface ICallGrain : IGrainWithStringKey
{
    /// <summary>Takes one event and answers with commands. Safe to repeat with the same <see cref="CallEvent.Seq"/>.</summary>
    [Requires(Permission.EdgeCalls), Alias("Handle")]
    Task<CallReply> Handle(CallEvent callEvent);

    /// <summary>Orders the edge to end the call at once.</summary>
    [Requires(Permission.HangUpCalls), Alias("HangUp")]
    Task<bool> HangUp();

    /// <summary>This call will be one of our own. Stored before it answers; the same ticket again changes nothing. False when it cannot be, or there was a call of this id.</summary>
    [Alias("Expect")]
    Task<bool> Expect(CallBackTicket ticket);

    /// <summary>The caller has hung up: has an edge make the call that is expected. Once, however often it is asked.</summary>
    [Alias("CallBack")]
    Task CallBack();

    /// <summary>Comes back to a call whose silo is gone, so that it ends as others do when no edge speaks of it any more. Changes nothing at a call that goes on.</summary>
    [Alias("Visit")]
    Task Visit();

    /// <summary>Takes the call's dialogs as they are now, while no event is due: a re-INVITE moved one, or a bridge has a second one.</summary>
    /// <param name="epoch">See <see cref="CallEvent.Epoch"/>. What a former owner says changes nothing.</param>
    [Requires(Permission.EdgeCalls), Alias("Keep")]
    Task Keep(int epoch, CallDialog dialog, CallDialog? other);

    /// <summary>An edge is gone: a call of it is taken over by another edge, or ends. Changes nothing at calls of others. False: no edge takes it now, and it is to be asked again.</summary>
    [Alias("EdgeGone")]
    Task<bool> EdgeGone(EdgeLoss loss);
}

/// <summary>The answer to one event.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallReply")]
public sealed class CallReply
{
    /// <summary>The event that this answers.</summary>
    [Id(0)] public required int Seq { get; init; }
    [Id(1)] public required List<CallCommand> Commands { get; init; }

    /// <summary>The flow and the step at which the call now stands, for operators.</summary>
    [Id(2)] public string Flow { get; init; } = "";
    [Id(3)] public string Step { get; init; } = "";

    /// <summary>Whether the caller has proved who they are in this call: callers with such a history get through when limits bite.</summary>
    [Id(4)] public bool Verified { get; init; }

    /// <summary>The call is another edge's by now: it ends here without a word to its peer, whose dialog is not this edge's any more.</summary>
    [Id(5)] public bool Gone { get; init; }
}
