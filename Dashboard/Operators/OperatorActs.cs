using System.Net;
using System.Net.Sockets;
using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Audit;
using Prometheus;

namespace IvrActors.Dashboard.Operators;

/// <summary>Writes what operators do to the ledger of the tenant <see cref="Tenant"/>. Throws when it cannot: what cannot be audited is not done.</summary>
internal sealed class OperatorActs(ClusterAccess cluster, IHttpContextAccessor http)
{
    public const string Tenant = IAuditGrain.Cluster;

    /// <summary>The actor of a refused sign-in whose name is nobody's: what was typed may be a password in the wrong field.</summary>
    public const string Nobody = "unknown";

    private static readonly Counter s_signIns = Metrics.CreateCounter("ivr_dashboard_signins_total", "Sign-ins at the dashboard by result.", "result");

    public Task Record(string actor, string action, AuditResult result = AuditResult.Success, string target = "", string detail = "") =>
        cluster.SignIn.Call<IAuditGrain, long>(IAuditGrain.Key(Tenant), ledger => ledger.AppendOperatorAct(new AuditEntry
        {
            Actor = actor,
            Action = action,
            Result = result,
            Origin = Network(http.HttpContext?.Connection.RemoteIpAddress),
            Object = target,
            Detail = detail,
        }));

    public static void CountSignIn(CredentialOutcome outcome) => s_signIns.WithLabels(outcome switch
    {
        CredentialOutcome.Accepted => "accepted",
        CredentialOutcome.Locked => "locked",
        _ => "refused",
    }).Inc();

    public static void CountLimited() => s_signIns.WithLabels("rate_limited").Inc();

    /// <summary>The network, not the machine: /24 of IPv4, /48 of IPv6.</summary>
    internal static string Network(IPAddress? address)
    {
        if (address is null) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var prefix = address.AddressFamily == AddressFamily.InterNetwork ? 24 : 48;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(prefix / 8).Clear();
        return $"{new IPAddress(bytes)}/{prefix}";
    }
}
