using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Prometheus;

namespace IvrActors.Edge.Net;

/// <summary>Counts of SIP messages. Methods come from a closed set, so that no peer can make labels.</summary>
internal static class SipMetrics
{
    private static readonly string[] s_methods =
    [
        SipMethods.Invite, SipMethods.Ack, SipMethods.Bye, SipMethods.Cancel, SipMethods.Options, SipMethods.Info, SipMethods.Notify, SipMethods.Refer,
        SipMethods.Register, "other",
    ];

    private static readonly Counter s_messages = Metrics.CreateCounter("ivr_sip_messages_total", "SIP messages; a response counts for its request's method.", "direction", "method", "transport");
    private static readonly Counter s_rejected = Metrics.CreateCounter("ivr_sip_rejected_total", "What came in and was not served, by reason.", "reason");
    private static readonly Counter.Child[] s_in = Children("in");
    private static readonly Counter.Child[] s_out = Children("out");

    public static readonly Counter.Child RateLimited = Metrics.CreateCounter("ivr_rate_limited_total", "Refused by a rate limit.", "scope").WithLabels("source");
    public static readonly Counter.Child UnknownSource = s_rejected.WithLabels("unknown_source");
    public static readonly Counter.Child Blocked = s_rejected.WithLabels("blocked");
    public static readonly Counter.Child Overload = s_rejected.WithLabels("overload");
    public static readonly Counter.Child TooManyConnections = s_rejected.WithLabels("connections");
    public static readonly Counter.Child SlowSender = s_rejected.WithLabels("slow_sender");
    public static readonly Counter.Child SlowReader = s_rejected.WithLabels("slow_reader");
    public static readonly Counter.Child InternalError = s_rejected.WithLabels("internal_error");
    public static readonly Counter.Child SendFailed = s_rejected.WithLabels("send_failed");

    public static void Received(string method, SipTransport transport) => s_in[Index(method, transport)].Inc();

    public static void Sent(string method, SipTransport transport) => s_out[Index(method, transport)].Inc();

    public static void Rejected(SipRejection rejection) => s_rejected.WithLabels(SipRejections.NameOf(rejection)).Inc();

    private static int Index(string method, SipTransport transport)
    {
        var index = Array.IndexOf(s_methods, method);
        return (int)transport * s_methods.Length + (index < 0 ? s_methods.Length - 1 : index);
    }

    private static Counter.Child[] Children(string direction) =>
        [.. from transport in (string[])["udp", "tcp", "tls", "ws", "wss"] from method in s_methods select s_messages.WithLabels(direction, method, transport)];
}
