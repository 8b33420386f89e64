using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Recordings;

/// <summary>The names of one hour's recordings.</summary>
internal sealed class RecordingIndexGrain : Grain, IRecordingIndexGrain
{
    /// <summary>The row is written whole with each: more than this is slower than the calls come.</summary>
    private const int Most = 5000;

    private readonly StoredRow<RecordingIndexState> _row;

    public RecordingIndexGrain(IGrainContext context, [FromKeyedServices(StoredRow<RecordingIndexState>.Storage)] IGrainStorage storage) =>
        _row = new StoredRow<RecordingIndexState>(storage, "recordings", context.GrainId);

    public async Task<bool> Add(RecordingId recording)
    {
        var names = (await _row.Read()).Recordings;
        if (names.Contains(recording)) return true;
        if (names.Count >= Most) return false;
        await _row.Write(new RecordingIndexState { Recordings = [.. names, recording] });
        return true;
    }

    public async Task Remove(RecordingId recording)
    {
        var names = (await _row.Read()).Recordings;
        if (!names.Contains(recording)) return;
        if (names.Count == 1) await _row.Clear();
        else await _row.Write(new RecordingIndexState { Recordings = [.. names.Where(name => name != recording)] });
    }

    public async Task<List<RecordingId>> List() => [.. (await _row.Read()).Recordings];
}

[GenerateSerializer, Alias("ivr.state.RecordingIndex")]
internal sealed class RecordingIndexState
{
    [Id(0)] public List<RecordingId> Recordings { get; set; } = [];
}
