using System.Globalization;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

[Needs(Permission.SearchAudit)]
internal sealed class AuditModel(ClusterAccess cluster, DashboardOptions options) : DashboardPage(cluster)
{
    private const int PageLength = 100;

    public IReadOnlyList<string> Tenants { get; } = [.. options.Tenants.Select(tenant => tenant.Name).Append(OperatorActs.Tenant)];
    public string Tenant { get; private set; } = "";
    public string? Act { get; private set; }
    public string? Actor { get; private set; }
    public string? Target { get; private set; }
    public DateTimeOffset? From { get; private set; }
    public DateTimeOffset? To { get; private set; }
    public AuditPage Found { get; private set; } = new() { Records = [] };
    public AuditVerdict? Verdict { get; private set; }

    public async Task<IActionResult> OnGetAsync(string? tenant, string? act, string? actor, string? target, string? from, string? to, long? before, bool verify)
    {
        Tenant = tenant ?? Tenants[0];
        if (!Tenants.Contains(Tenant)) return NotFound();
        (Act, Actor, Target) = (Trimmed(act), Trimmed(actor), Trimmed(target));
        (From, To) = (Parse(from), Parse(to));
        var query = new AuditQuery { Action = Act, Actor = Actor, Object = Target, From = From, To = To, Before = before, Limit = PageLength };
        Found = await Cluster.Call<IAuditGrain, AuditPage>(IAuditGrain.Key(Tenant), ledger => ledger.Search(query));
        if (verify) Verdict = await Cluster.Call<IAuditGrain, AuditVerdict>(IAuditGrain.Key(Tenant), ledger => ledger.Verify());
        return Page();
    }

    public static string? ForInput(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm", CultureInfo.InvariantCulture);

    private static string? Trimmed(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static DateTimeOffset? Parse(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : null;
}
