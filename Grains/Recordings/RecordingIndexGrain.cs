using System.Globalization;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Recordings;

/// <summary>The names of one hour's recordings, in pages that are rows of their own: what is written for one does not grow with how many there are.</summary>
internal sealed class RecordingIndexGrain : Grain, IRecordingIndexGrain
{
    /// <summary>A page is written whole with each change: some 15 KB.</summary>
    internal const int PageSize = 256;

    private const string HourFormat = "yyyyMMddHH";

    private readonly IGrainStorage _storage;
    private readonly GrainId _grain;
    private readonly StoredRow<RecordingHourState> _head;
    private readonly Dictionary<int, StoredRow<RecordingPageState>> _pages = [];
    private readonly string _tenant;
    private readonly DateTimeOffset _hour;

    public RecordingIndexGrain(IGrainContext context, [FromKeyedServices(StoredRow<RecordingHourState>.Storage)] IGrainStorage storage)
    {
        (_storage, _grain) = (storage, context.GrainId);
        _head = new StoredRow<RecordingHourState>(storage, "recording-hour", _grain);
        var key = _grain.Key.ToString()!;
        _tenant = key["recordings-".Length..^(HourFormat.Length + 1)];
        _hour = DateTimeOffset.ParseExact(key[^HourFormat.Length..], HourFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
    }

    public async Task<int> Append(RecordingEntry entry)
    {
        var head = await _head.Read();
        // Who cleans up hears of the hour first: what stands here must be found.
        if (head.Earliest is not { } earliest || entry.ExpiresAt < earliest)
        {
            await Hours.Note(_hour, entry.ExpiresAt);
            head = await Write(new RecordingHourState { Pages = head.Pages, Earliest = entry.ExpiresAt });
        }
        var page = Math.Max(0, head.Pages - 1);
        var names = (await Page(page).Read()).Entries;
        // It came again, after what followed it failed.
        if (names.Exists(known => known.Recording == entry.Recording)) return page;
        if (head.Pages == 0 || names.Count >= PageSize)
        {
            page = head.Pages;
            await Write(new RecordingHourState { Pages = page + 1, Earliest = head.Earliest });
            names = (await Page(page).Read()).Entries;
        }
        await Page(page).Write(new RecordingPageState { Entries = [.. names, new RecordingEntry { Recording = entry.Recording, ExpiresAt = entry.ExpiresAt, Page = page }] });
        return page;
    }

    public async Task Forget(RecordingId recording, int page)
    {
        var head = await _head.Read();
        if (page < 0 || page >= head.Pages) return;
        var names = (await Page(page).Read()).Entries;
        var left = names.FindAll(known => known.Recording != recording);
        if (left.Count > 0 && left.Count < names.Count) await Page(page).Write(new RecordingPageState { Entries = left });
        if (left.Count > 0) return;
        if (names.Count > 0) await Page(page).Clear();
        if (await IsEmpty(head)) await Close();
    }

    public async Task<List<RecordingEntry>> Due(DateTimeOffset now, TimeSpan? kept, int most)
    {
        var due = new List<RecordingEntry>();
        var head = await _head.Read();
        var allAreOver = kept is { } time && _hour + TimeSpan.FromHours(1) + time <= now;
        for (var page = 0; page < head.Pages && due.Count < most; page++)
        {
            due.AddRange((await Page(page).Read()).Entries.Where(entry => allAreOver || entry.ExpiresAt <= now).Take(most - due.Count));
        }
        // The row was lost, or ended halfway: nobody is to ask for this hour again.
        if (due.Count == 0 && await IsEmpty(head)) await Close();
        return due;
    }

    public async Task<List<RecordingId>> List()
    {
        var names = new List<RecordingId>();
        var head = await _head.Read();
        for (var page = 0; page < head.Pages; page++) names.AddRange((await Page(page).Read()).Entries.Select(entry => entry.Recording));
        return names;
    }

    private IRecordingHoursGrain Hours => GrainFactory.Grain<IRecordingHoursGrain>(IRecordingHoursGrain.Key(_tenant));

    private async Task<bool> IsEmpty(RecordingHourState head)
    {
        for (var page = 0; page < head.Pages; page++)
        {
            if ((await Page(page).Read()).Entries.Count > 0) return false;
        }
        return true;
    }

    private async Task Close()
    {
        await _head.Read();
        if (_head.Exists) await _head.Clear();
        _pages.Clear();
        await Hours.Forget(_hour);
    }

    private async Task<RecordingHourState> Write(RecordingHourState head)
    {
        await _head.Write(head);
        return head;
    }

    private StoredRow<RecordingPageState> Page(int number)
    {
        if (_pages.TryGetValue(number, out var page)) return page;
        var name = GrainId.Create(_grain.Type, string.Create(CultureInfo.InvariantCulture, $"{_grain.Key}/{number}"));
        return _pages[number] = new StoredRow<RecordingPageState>(_storage, "recording-page", name);
    }
}

[GenerateSerializer, Alias("ivr.state.RecordingHour")]
internal sealed class RecordingHourState
{
    [Id(0)] public int Pages { get; set; }

    /// <summary>What was said to <see cref="IRecordingHoursGrain"/>.</summary>
    [Id(1)] public DateTimeOffset? Earliest { get; set; }
}

[GenerateSerializer, Alias("ivr.state.RecordingPage")]
internal sealed class RecordingPageState
{
    [Id(0)] public List<RecordingEntry> Entries { get; set; } = [];
}
