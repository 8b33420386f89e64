using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains.Calls;

/// <summary>
/// The row of one call. Read only when needed: a new call has no row, and a row that cannot be read must not keep the grain from
/// answering politely (a persistent state that the runtime loads would fail the activation instead).
/// </summary>
internal sealed class CallStore(IGrainStorage storage, GrainId grain)
{
    private const string StateName = "call";

    private readonly GrainState<CallState> _row = new() { State = new CallState() };

    /// <summary>The stored state, or a new one when there is none.</summary>
    public async Task<CallState> Read()
    {
        await storage.ReadStateAsync(StateName, grain, _row);
        return _row.RecordExists && _row.State is { } state ? state : new CallState();
    }

    public async Task Write(CallState state)
    {
        _row.State = state;
        await storage.WriteStateAsync(StateName, grain, _row);
    }

    public Task Clear() => storage.ClearStateAsync(StateName, grain, _row);
}
