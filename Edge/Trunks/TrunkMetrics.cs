using IvrActors.Edge.Sip.Auth;
using Prometheus;

namespace IvrActors.Edge.Trunks;

/// <summary>What trunks do, but for their calls. No label carries a user, an address or a realm.</summary>
internal static class TrunkMetrics
{
    private static readonly Counter s_authentications = Metrics.CreateCounter("ivr_sip_authentications_total", "Requests that needed a password, by what became of them.", "result");

    private static readonly Counter s_registers = Metrics.CreateCounter("ivr_sip_registers_total", "REGISTERs of phones that gave the right password, by result.", "result");

    public static readonly Gauge Contacts = Metrics.CreateGauge("ivr_sip_registered_contacts", "Contacts that phones of a trunk registered.", "trunk");

    public static readonly Gauge Registered = Metrics.CreateGauge("ivr_trunk_registered", "1 while this edge is registered with the trunk's registrar.", "trunk");

    public static readonly Gauge ProxyUp = Metrics.CreateGauge("ivr_trunk_proxy_up", "1 while the trunk's proxy answers OPTIONS, 0 while it does not.", "trunk");

    public static void Authenticated(AuthenticationResult result) => s_authentications.WithLabels(NameOf(result)).Inc();

    public static void Registering(int status) => s_registers.WithLabels(status switch { 200 => "accepted", 423 => "too_brief", 500 => "out_of_order", 503 => "full", _ => "refused" }).Inc();

    private static string NameOf(AuthenticationResult result) => result switch
    {
        AuthenticationResult.Accepted => "accepted",
        AuthenticationResult.Challenged => "challenged",
        AuthenticationResult.Stale => "stale",
        AuthenticationResult.Replayed => "replayed",
        AuthenticationResult.Failed => "failed",
        AuthenticationResult.Forged => "forged",
        _ => "malformed",
    };
}
