using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;

namespace IvrActors.Silo.Security;

/// <summary>Counts connections that were refused between nodes, and logs them: each reason once in a while, so that nobody fills a disk by connecting.</summary>
internal sealed partial class NodeRefusals(ILogger<NodeRefusals> log, TimeProvider time)
{
    private const int MostSubject = 120;

    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(10);
    private static readonly Counter s_refused = Metrics.CreateCounter("ivr_node_tls_refused_total", "Connections between nodes that were refused, by why.", "reason");

    private readonly Lock _lock = new();
    private readonly Dictionary<NodeRefusal, long> _logged = [];

    /// <summary>A host without loggers or a clock of its own gets silence and the system's.</summary>
    public static NodeRefusals Of(IServiceProvider services) =>
        new(services.GetService<ILogger<NodeRefusals>>() ?? NullLogger<NodeRefusals>.Instance, services.GetService<TimeProvider>() ?? TimeProvider.System);

    /// <param name="where">Which connection it was.</param>
    /// <param name="subject">Of the certificate that was shown, if one was.</param>
    public void Report(NodeRefusal refusal, string where, EndPoint? peer, string? subject)
    {
        s_refused.WithLabels(LabelOf(refusal)).Inc();
        if (IsTime(refusal)) LogRefused(refusal == NodeRefusal.Closed ? LogLevel.Debug : LogLevel.Warning, where, peer?.ToString() ?? "?", LabelOf(refusal), Shown(subject));
    }

    public static string LabelOf(NodeRefusal refusal) => refusal switch
    {
        NodeRefusal.Plaintext => "plaintext",
        NodeRefusal.TimeOut => "timeout",
        NodeRefusal.Closed => "closed",
        NodeRefusal.Handshake => "handshake",
        NodeRefusal.NoCertificate => "no_certificate",
        NodeRefusal.Untrusted => "untrusted",
        NodeRefusal.Revoked => "revoked",
        NodeRefusal.Expired => "expired",
        NodeRefusal.NotYetValid => "not_yet_valid",
        NodeRefusal.NoIdentity => "no_identity",
        NodeRefusal.Role => "role",
        _ => throw new ArgumentOutOfRangeException(nameof(refusal)),
    };

    private bool IsTime(NodeRefusal refusal)
    {
        var now = time.GetTimestamp();
        lock (_lock)
        {
            if (_logged.TryGetValue(refusal, out var last) && time.GetElapsedTime(last, now) < s_quiet) return false;
            _logged[refusal] = now;
            return true;
        }
    }

    // Written by whoever made the certificate: one line, and not a long one.
    private static string Shown(string? subject) =>
        subject is null ? "none" : string.Concat(subject.Take(MostSubject).Select(c => char.IsControl(c) ? '?' : c));

    [LoggerMessage(Message = "a connection {Where} was refused, peer {Peer}: {Reason}; certificate: {Subject}")]
    private partial void LogRefused(LogLevel level, string where, string peer, string reason, string subject);
}
