using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Http;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.AspNetCore.Mvc;

namespace IvrActors.Dashboard.Pages;

/// <summary>A telephone: SIP over WebSockets (RFC 7118) and DTLS-SRTP (RFC 5764), both between the browser and an edge. None of it passes the dashboard but the pass of a call.</summary>
[Needs(Permission.UsePhone)]
internal sealed class PhoneModel(ClusterAccess cluster, DashboardOptions options, OperatorActs acts, IPhonePasses passes) : DashboardPage(cluster)
{
    /// <summary>Null: it is not switched on.</summary>
    public DashboardPhone? Phone => options.Phone;

    /// <summary>Whether the page was opened under the name by which the edge knows it.</summary>
    public bool IsAtItsOrigin => Phone is not null && Phone.Origin.Equals($"{Request.Scheme}://{Request.Host}", StringComparison.OrdinalIgnoreCase);

    public void OnGet()
    {
        if (IsAtItsOrigin) SecurityHeaders.AllowCalls(Response.Headers, Phone!.Url);
    }

    /// <summary>A pass for one call that begins within a minute; without a name where calls are let in by their address.</summary>
    [Needs(Permission.UsePhone)]
    public async Task<IActionResult> OnPostPassAsync()
    {
        if (Phone is null) return NotFound();
        await acts.Record(Me, "phone.pass");
        var pass = passes.Issue();
        using var password = pass?.Password;
        return new JsonResult(new { user = pass?.User, password = password?.Expose().ToString() });
    }
}
