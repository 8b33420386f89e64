using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Locating;

/// <summary>A NAPTR record (RFC 3403): only those with flag <c>s</c> lead to SRV records.</summary>
public sealed record NaptrRecord(int Order, int Preference, string Flags, string Service, string Replacement);

/// <summary>An SRV record (RFC 2782).</summary>
public sealed record SrvRecord(int Priority, int Weight, int Port, string Target);

/// <summary>Chooses among NAPTR records (RFC 3263 4.1).</summary>
public static class NaptrSelection
{
    /// <summary>The services that we can use, in the order that the domain wishes; for a sips URI only those over TLS.</summary>
    public static IReadOnlyList<(SipTransport Transport, string Service)> Choose(IReadOnlyList<NaptrRecord> records, bool secure, IReadOnlyCollection<SipTransport> supported) =>
    [
        .. from record in records
           where record.Flags.Equals("s", StringComparison.OrdinalIgnoreCase)
           let transport = TransportOf(record.Service)
           where transport is not null && supported.Contains(transport.Value) && (!secure || transport is SipTransport.Tls or SipTransport.Wss)
           orderby record.Order, record.Preference
           select (transport.Value, record.Replacement.TrimEnd('.')),
    ];

    private static SipTransport? TransportOf(string service) => service.ToUpperInvariant() switch
    {
        "SIPS+D2T" => SipTransport.Tls,
        "SIP+D2T" => SipTransport.Tcp,
        "SIP+D2U" => SipTransport.Udp,
        "SIPS+D2W" => SipTransport.Wss,
        "SIP+D2W" => SipTransport.Ws,
        _ => null,
    };
}

/// <summary>Orders SRV records (RFC 2782).</summary>
public static class SrvOrdering
{
    /// <summary>By priority; within one, each next target is drawn with a chance in proportion to its weight, so that the order of failover is spread as well.</summary>
    /// <param name="random">A number from 0 up to, not including, its argument.</param>
    public static IReadOnlyList<SrvRecord> Order(IReadOnlyList<SrvRecord> records, Func<int, int> random)
    {
        ArgumentNullException.ThrowIfNull(random);
        // RFC 2782: a single record with the root as target says that there is no such service.
        if (records is [{ Target: "." or "" }]) return [];
        List<SrvRecord> ordered = [];
        foreach (var group in records.GroupBy(record => record.Priority).OrderBy(group => group.Key))
        {
            // Weightless ones first: they are drawn only when the number is 0.
            var left = group.OrderBy(record => record.Weight).ToList();
            while (left.Count > 0)
            {
                var drawn = random(left.Sum(record => record.Weight) + 1);
                var index = 0;
                for (var sum = left[0].Weight; sum < drawn; sum += left[++index].Weight)
                {
                }
                ordered.Add(left[index]);
                left.RemoveAt(index);
            }
        }
        return ordered;
    }
}
