using System.Globalization;
using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.OpenRecordings)]
internal sealed class RecordingsModel(ClusterAccess cluster, DashboardOptions options) : DashboardPage(cluster)
{
    private const int PageLength = 50;
    private const int HoursAtOnce = 48;
    private const int ShortLength = 14;
    private const string HourFormat = "yyyyMMddHH";

    public IReadOnlyList<string> Tenants { get; } = [.. options.Tenants.Select(tenant => tenant.Name)];
    public string Tenant { get; private set; } = "";
    public List<RecordingSummary> Found { get; } = [];

    /// <summary>Where older ones go on: an hour, and how many of its newest were shown. Null: there are none.</summary>
    public (string Hour, int Skip)? Older { get; private set; }

    public async Task<IActionResult> OnGetAsync(string? tenant, string? hour, int skip)
    {
        Tenant = tenant ?? Tenants[0];
        if (!Tenants.Contains(Tenant)) return NotFound();
        DateTimeOffset? from = DateTimeOffset.TryParseExact(hour, HourFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
        var hours = await Cluster.Call<IRecordingHoursGrain, List<DateTimeOffset>>(IRecordingHoursGrain.Key(Tenant), grain => grain.List(from?.AddHours(1), HoursAtOnce));
        foreach (var one in hours)
        {
            if (await Take(one, one == from ? Math.Max(0, skip) : 0)) return Page();
        }
        if (hours.Count == HoursAtOnce) Older = (TextOf(hours[^1].AddHours(-1)), 0);
        return Page();
    }

    public static string Short(string owner) => owner.Length > ShortLength ? owner[..ShortLength] + "…" : owner;

    public static string Seconds(TimeSpan? length) => length is { } known ? $"{(int)known.TotalMinutes}:{known.Seconds:00}" : "–";

    public static (string Text, string Kind) State(RecordingSummary recording) => recording switch
    {
        { Edge: "" } => ("not begun", ""),
        { Length: null } => ("runs, or was cut short", ""),
        { Complete: true } => ("complete", "good"),
        _ => ("incomplete", "bad"),
    };

    /// <summary>Adds the hour's recordings, newest first. True: the page is full.</summary>
    private async Task<bool> Take(DateTimeOffset hour, int skip)
    {
        var names = await Cluster.Call<IRecordingIndexGrain, List<RecordingId>>(IRecordingIndexGrain.Key(Tenant, hour), grain => grain.List());
        names.Reverse();
        while (skip < names.Count)
        {
            if (Found.Count >= PageLength)
            {
                Older = (TextOf(hour), skip);
                return true;
            }
            var some = names.Skip(skip).Take(PageLength - Found.Count).ToList();
            skip += some.Count;
            var summaries = await Task.WhenAll(some.Select(name => Cluster.Call<IRecordingGrain, RecordingSummary?>(name.Value, grain => grain.Get())));
            Found.AddRange(summaries.OfType<RecordingSummary>());
        }
        return false;
    }

    private static string TextOf(DateTimeOffset hour) => hour.UtcDateTime.ToString(HourFormat, CultureInfo.InvariantCulture);
}
