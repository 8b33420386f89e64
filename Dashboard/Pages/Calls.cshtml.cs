using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Live;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewCalls)]
internal sealed class CallsModel(ClusterAccess cluster, ClusterView view) : DashboardPage(cluster)
{
    private const string IdPrefix = "call-";
    private const int ShortLength = 8;

    public Snapshot Now { get; } = view.Current;

    [Needs(Permission.HangUpCalls)]
    public async Task<IActionResult> OnPostHangUpAsync(string? call)
    {
        // A call that was never seen is no grain to wake.
        if (call is null || Now.Calls.All(live => live.Call.Value != call)) Done = "That call had ended already.";
        else Done = await Cluster.Call<ICallGrain, bool>(call, grain => grain.HangUp()) ? $"Call {Short(call)} is being ended." : "That call had ended already.";
        return RedirectToPage();
    }

    /// <summary>Enough of the id to tell calls apart at a glance; the whole one is in the title.</summary>
    public static string Short(string id)
    {
        var random = id.StartsWith(IdPrefix, StringComparison.Ordinal) ? id[IdPrefix.Length..] : id;
        return random.Length <= ShortLength ? random : random[..ShortLength];
    }
}
