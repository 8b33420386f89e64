using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Recordings;

/// <summary>The hours of one tenant that have recordings. Written when the first of an hour comes and when the last of it goes.</summary>
internal sealed class RecordingHoursGrain : Grain, IRecordingHoursGrain
{
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    private readonly StoredRow<RecordingHoursState> _row;

    public RecordingHoursGrain(IGrainContext context, [FromKeyedServices(StoredRow<RecordingHoursState>.Storage)] IGrainStorage storage) =>
        _row = new StoredRow<RecordingHoursState>(storage, "recording-hours", context.GrainId);

    public async Task Note(DateTimeOffset hour, DateTimeOffset earliest)
    {
        var hours = (await _row.Read()).Hours;
        if (hours.TryGetValue(hour, out var known) && known <= earliest) return;
        await _row.Write(new RecordingHoursState { Hours = new(hours) { [hour] = earliest } });
    }

    public async Task Forget(DateTimeOffset hour)
    {
        var hours = new Dictionary<DateTimeOffset, DateTimeOffset>((await _row.Read()).Hours);
        if (!hours.Remove(hour)) return;
        if (hours.Count == 0) await _row.Clear();
        else await _row.Write(new RecordingHoursState { Hours = hours });
    }

    public async Task<List<DateTimeOffset>> Due(DateTimeOffset now, TimeSpan? kept) =>
        [.. (await _row.Read()).Hours.Where(hour => hour.Value <= now || (kept is { } time && hour.Key + s_hour + time <= now)).Select(hour => hour.Key).Order()];

    public async Task<List<DateTimeOffset>> List(DateTimeOffset? before, int most) =>
        [.. (await _row.Read()).Hours.Keys.Where(hour => before is null || hour < before).OrderDescending().Take(most)];
}

[GenerateSerializer, Alias("ivr.state.RecordingHours")]
internal sealed class RecordingHoursState
{
    /// <summary>When the first of an hour's recordings goes.</summary>
    [Id(0)] public Dictionary<DateTimeOffset, DateTimeOffset> Hours { get; set; } = [];
}
