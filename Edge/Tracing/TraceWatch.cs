using System.Collections.Concurrent;
using System.Net;
using IvrActors.Grains.Interfaces.Tracing;

namespace IvrActors.Edge.Tracing;

/// <summary>One trace as the tap looks for it.</summary>
internal sealed class TraceWatch
{
    private readonly TraceFilter _filter;
    private readonly IPNetwork? _source;

    /// <summary>SIP Call-IDs of the call that is asked for; it may get more while it goes on.</summary>
    private readonly ConcurrentDictionary<string, bool> _dialogs = new(StringComparer.Ordinal);

    private TraceWatch(string id, TraceFilter filter, IPNetwork? source) => (Id, _filter, _source) = (id, filter, source);

    public string Id { get; }

    /// <summary>The call whose dialogs are to be told by <see cref="Add"/>; null when the filter names none.</summary>
    public string? Call => _filter.Call;

    /// <summary>Null when the filter cannot be read: then nothing is shown.</summary>
    public static TraceWatch? Of(string id, TraceFilter filter)
    {
        if (filter.Source is not { } text) return new TraceWatch(id, filter, null);
        if (IPNetwork.TryParse(text, out var network)) return new TraceWatch(id, filter, network);
        return IPAddress.TryParse(text, out var address) ? new TraceWatch(id, filter, new IPNetwork(address, address.GetAddressBytes().Length * 8)) : null;
    }

    public void Add(string sipCallId) => _dialogs[sipCallId] = true;

    public bool Matches(TappedMessage message) => Matches(message.Kind, message.Remote.Address, message.Trunk, message.Entry, message.SipCallId);

    public bool Matches(TapKind kind, IPAddress remote, EdgeTrunk? trunk, EdgeTrunk? entry, string? sipCallId)
    {
        if (_source is { } source && !source.Contains(remote)) return false;
        // Of strangers only what was asked for by address: a scanner's flood would drown the calls.
        if (kind == TapKind.NotListenedTo && _source is null) return false;
        if (_filter.Trunk is { } name && name != trunk?.Name && name != entry?.Name) return false;
        if (_filter.SipCallId is { } callId && callId != sipCallId) return false;
        return _filter.Call is null || (sipCallId is not null && _dialogs.ContainsKey(sipCallId));
    }
}
