using System.Security.Cryptography;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Recordings;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

/// <summary>One recording: the question why, and then how it looks and sounds. It is decrypted here, piece by piece as a browser asks for it.</summary>
[Needs(Permission.OpenRecordings)]
internal sealed class RecordingModel(ClusterAccess cluster, IRecordingFiles files, OpenedRecordings opened) : DashboardPage(cluster)
{
    public const int MostReason = 200;
    private const int LeastReason = 3;

    /// <summary>More than the pixels of a wide page.</summary>
    private const int Columns = 1200;

    public RecordingSummary? Summary { get; private set; }
    public bool IsHere { get; private set; }
    public bool IsOpen { get; private set; }
    public string? Problem { get; private set; }

    public async Task<IActionResult> OnGetAsync(string recording) => await Find(recording) is null ? NotFound() : Page();

    [Needs(Permission.OpenRecordings)]
    public async Task<IActionResult> OnPostOpenAsync(string recording, string? reason)
    {
        if (await Find(recording) is not { } id) return NotFound();
        reason = reason?.Trim() ?? "";
        if (reason.Length is < LeastReason or > MostReason) return Again("Say in a few words why: it stands in the audit ledger.");
        using var file = files.Open(id);
        if (file is null) return Again("The file is not on this machine any more.");
        using var own = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var opening = new RecordingOpening { WrappedKey = file.WrappedKey, To = SecretSealer.PublicKeyOf("once", own), Reason = reason };
        var answer = await Cluster.Call<IRecordingGrain, SealedSecret?>(id.Value, grain => grain.Open(opening));
        if ((answer is null ? null : SecretSealer.Open(own, id.Value, IRecordingGrain.OpenPurpose, answer)) is not { } key) return Again("There is no key to it any more.");
        opened.Add(Me, id, key);
        return Redirect($"/recordings/{id.Value}");
    }

    [Needs(Permission.OpenRecordings)]
    public IActionResult OnPostClose(string recording)
    {
        if (RecordingId.TryParse(recording, out var id)) opened.Close(Me, id);
        return Redirect("/recordings");
    }

    /// <summary>Parts of it as a browser asks for them (RFC 9110 14).</summary>
    public async Task<IActionResult> OnGetAudioAsync(string recording) =>
        await Unlocked(recording) is { } file ? new FileStreamResult(file.Play(), "audio/wav") { EnableRangeProcessing = true } : NotFound();

    public async Task<IActionResult> OnGetOutlineAsync(string recording)
    {
        using var file = await Unlocked(recording);
        return file is null ? NotFound() : new JsonResult(file.Outline(Columns));
    }

    private PageResult Again(string problem)
    {
        Problem = problem;
        return Page();
    }

    private async Task<RecordingId?> Find(string recording)
    {
        if (!RecordingId.TryParse(recording, out var id)) return null;
        Summary = await Cluster.Call<IRecordingGrain, RecordingSummary?>(id.Value, grain => grain.Get());
        if (Summary is not { Edge.Length: > 0 }) return null;
        using var file = files.Open(id);
        (IsHere, IsOpen) = (file is not null, file is not null && opened.Has(Me, id));
        return id;
    }

    /// <summary>The file for who opened it. The cluster is asked each time: what was erased or is over meanwhile is heard no more.</summary>
    private async Task<IRecordingFile?> Unlocked(string recording)
    {
        if (!RecordingId.TryParse(recording, out var id) || !opened.Has(Me, id)) return null;
        if (await Cluster.Call<IRecordingGrain, RecordingSummary?>(id.Value, grain => grain.Get()) is null)
        {
            opened.Close(Me, id);
            return null;
        }
        var file = files.Open(id);
        if (file is null || opened.TryUnlock(Me, id, file)) return file;
        file.Dispose();
        return null;
    }
}
