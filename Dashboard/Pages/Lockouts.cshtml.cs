using System.Globalization;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Live;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.ViewLockouts)]
internal sealed class LockoutsModel(ClusterAccess cluster, DashboardOptions options, TimeProvider time) : DashboardPage(cluster)
{
    private const string KeyPrefix = "lock-";

    /// <summary>A closed vocabulary: free text would carry personal data into the ledger.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Reasons =
    [
        ("identity-confirmed", "Identity confirmed another way"),
        ("caller-error", "Caller mistyped"),
        ("system-fault", "Fault on our side"),
        ("test-account", "Test account"),
    ];

    public IReadOnlyList<ActiveLockout> Locks { get; private set; } = [];

    public async Task OnGetAsync()
    {
        var lists = await Task.WhenAll(options.Tenants.Select(async tenant => (await ListOf(tenant.Name)).Select(summary => new ActiveLockout(tenant.Name, summary))));
        Locks = [.. lists.SelectMany(list => list).Where(item => item.Summary.Until > time.GetUtcNow()).OrderByDescending(item => item.Summary.Since)];
    }

    [Needs(Permission.Unlock)]
    public async Task<IActionResult> OnPostUnlockAsync(string? tenant, string? key, string? reason)
    {
        if (key is null || options.Tenants.All(known => known.Name != tenant) || Reasons.All(known => known.Value != reason)) return BadRequest();
        var isListed = (await ListOf(tenant!)).Any(summary => summary.LockoutKey == key);
        var result = isListed ? await Cluster.Call<ILockoutGrain, UnlockResult>(key, grain => grain.Approve(reason!)) : null;
        var caller = Parts(key).Caller;
        Done = result?.Outcome switch
        {
            UnlockOutcome.Lifted => $"{caller} is unlocked.",
            UnlockOutcome.Asked => $"You asked to unlock {caller}. Another operator must confirm it here before {Clock(result.ConfirmBefore)} UTC.",
            UnlockOutcome.SamePerson => $"You asked to unlock {caller} yourself: another operator must confirm it before {Clock(result.ConfirmBefore)} UTC.",
            UnlockOutcome.Disabled => $"{caller} is disabled: only a new enrolment helps.",
            _ => "That caller was not locked any more.",
        };
        return RedirectToPage();
    }

    /// <summary>Who asked for this unlock, while another operator can confirm it; null when nobody did.</summary>
    public string? AskedBy(LockoutSummary summary) => summary.ConfirmBefore > time.GetUtcNow() ? summary.AskedBy : null;

    public static string Clock(DateTimeOffset? at) => at?.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture) ?? "";

    public static string TextOf(string? reason) => Reasons.FirstOrDefault(known => known.Value == reason).Text ?? "another reason";

    /// <summary>The caller's pseudonym, shortened, and the origin class of a lockout key.</summary>
    public static (string Caller, string Origin) Parts(string key)
    {
        var slash = key.LastIndexOf('/');
        if (!key.StartsWith(KeyPrefix, StringComparison.Ordinal) || slash < 0) return (key, "");
        var caller = key[KeyPrefix.Length..slash];
        return (caller.Length > 14 ? caller[..14] + "…" : caller, key[(slash + 1)..] switch { "TrustedTrunk" => "trusted trunk", "Attested" => "attested", _ => "unattested" });
    }

    private Task<List<LockoutSummary>> ListOf(string tenant) =>
        Cluster.Call<ILockoutDirectoryGrain, List<LockoutSummary>>(ILockoutDirectoryGrain.Key(tenant), directory => directory.List());
}
