using System.Globalization;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Recordings;

/// <summary>The recordings of one tenant that began within one hour (UTC), key <see cref="Key"/>. Any number of them: they stand in pages, of which each change writes one.</summary>
[Alias("ivr.IRecordingIndexGrain")]
public interface IRecordingIndexGrain : IGrainWithStringKey
{
    static string Key(string tenant, DateTimeOffset at) => $"recordings-{tenant}-{at.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture)}";

    /// <summary>Adds one. What comes back is where it stands, for <see cref="Forget"/>.</summary>
    [Alias("Append")]
    Task<int> Append(RecordingEntry entry);

    [Alias("Forget")]
    Task Forget(RecordingId recording, int page);

    /// <summary>At most so many whose time is over at <paramref name="now"/>: by what was said when they began, or by what is kept now (null: as was said), whichever is sooner.</summary>
    [Alias("Due")]
    Task<List<RecordingEntry>> Due(DateTimeOffset now, TimeSpan? kept, int most);

    [Requires(Permission.ViewCalls), Alias("List")]
    Task<List<RecordingId>> List();
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingEntry")]
public sealed class RecordingEntry
{
    [Id(0)] public required RecordingId Recording { get; init; }

    /// <summary>When its keys are destroyed.</summary>
    [Id(1)] public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(2)] public int Page { get; init; }
}

/// <summary>The hours in which one tenant has recordings, key <see cref="Key"/>: where a clean-up, and who looks for one, begins.</summary>
[Alias("ivr.IRecordingHoursGrain")]
public interface IRecordingHoursGrain : IGrainWithStringKey
{
    static string Key(string tenant) => "recording-hours-" + tenant;

    /// <summary>The hour has a recording, and the first of them goes then, or sooner than was said.</summary>
    [Alias("Note")]
    Task Note(DateTimeOffset hour, DateTimeOffset earliest);

    /// <summary>The hour has none any more.</summary>
    [Alias("Forget")]
    Task Forget(DateTimeOffset hour);

    /// <summary>The hours, in order, in which there may be something whose time is over.</summary>
    [Alias("Due")]
    Task<List<DateTimeOffset>> Due(DateTimeOffset now, TimeSpan? kept);

    /// <summary>The hours, newest first, that begin before that time (null: all); at most so many.</summary>
    [Requires(Permission.ViewCalls), Alias("List")]
    Task<List<DateTimeOffset>> List(DateTimeOffset? before, int most);
}

/// <summary>Has the keys of recordings destroyed when their time is over, whatever became of the files. One grain, key <c>recording-retention</c>.</summary>
[Alias("ivr.IRecordingRetentionGrain")]
public interface IRecordingRetentionGrain : IGrainWithStringKey
{
    const string Key = "recording-retention";

    /// <summary>Some of the work. True: there is more.</summary>
    [Alias("Sweep")]
    Task<bool> Sweep();
}
