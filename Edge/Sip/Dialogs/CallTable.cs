using System.Diagnostics.CodeAnalysis;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>All calls by dialog and by the stream connection of their peer. Bounded by trunk; a call has one dialog, or while we dial one for each fork.</summary>
internal sealed class CallTable(int mostOfTrunk)
{
    private readonly Dictionary<DialogId, SipCall> _byDialog = [];
    private readonly Dictionary<SipCall, List<DialogId>> _dialogs = [];
    private readonly Dictionary<long, HashSet<SipCall>> _byConnection = [];
    private readonly HashSet<long> _gone = [];
    private readonly Dictionary<EdgeTrunk, int> _byTrunk = [];

    public int Count => _dialogs.Count;

    public bool HasRoom(EdgeTrunk trunk) => _byTrunk.GetValueOrDefault(trunk) < mostOfTrunk;

    public bool TryFind(DialogId id, [NotNullWhen(true)] out SipCall? call) => _byDialog.TryGetValue(id, out call);

    public void Add(SipCall call)
    {
        _dialogs[call] = [];
        _byTrunk[call.Peer.Trunk] = _byTrunk.GetValueOrDefault(call.Peer.Trunk) + 1;
        Join(call, call.Peer);
        Bind(call.Dialog.Id, call);
    }

    /// <summary>A further dialog of a call.</summary>
    public void Bind(DialogId id, SipCall call)
    {
        if (!_dialogs.TryGetValue(call, out var dialogs) || !_byDialog.TryAdd(id, call)) return;
        dialogs.Add(id);
    }

    /// <summary>Of all dialogs of a call only this one stays.</summary>
    public void Keep(DialogId id, SipCall call)
    {
        if (!_dialogs.TryGetValue(call, out var dialogs)) return;
        foreach (var other in dialogs)
        {
            if (other != id) _byDialog.Remove(other);
        }
        dialogs.RemoveAll(other => other != id);
        Bind(id, call);
    }

    public void Remove(SipCall call)
    {
        if (!_dialogs.Remove(call, out var dialogs)) return;
        foreach (var id in dialogs) _byDialog.Remove(id);
        Leave(call, call.Peer);
        var left = _byTrunk[call.Peer.Trunk] - 1;
        if (left > 0) _byTrunk[call.Peer.Trunk] = left;
        else _byTrunk.Remove(call.Peer.Trunk);
    }

    /// <summary>The peer of a call speaks on another connection. Its trunk stays the same.</summary>
    public void Moved(SipCall call, SipPeer from, SipPeer to)
    {
        if (from.Connection == to.Connection || !_dialogs.ContainsKey(call)) return;
        Leave(call, from);
        Join(call, to);
    }

    /// <summary>A connection broke: remembered as long as calls count on it.</summary>
    public void ConnectionLost(long connection)
    {
        if (_byConnection.ContainsKey(connection)) _gone.Add(connection);
    }

    public bool IsGone(long connection) => _gone.Contains(connection);

    private void Join(SipCall call, SipPeer peer)
    {
        if (!peer.Reliable) return;
        if (!_byConnection.TryGetValue(peer.Connection, out var calls)) _byConnection[peer.Connection] = calls = [];
        calls.Add(call);
    }

    private void Leave(SipCall call, SipPeer peer)
    {
        if (!peer.Reliable || !_byConnection.TryGetValue(peer.Connection, out var calls) || !calls.Remove(call) || calls.Count > 0) return;
        _byConnection.Remove(peer.Connection);
        _gone.Remove(peer.Connection);
    }
}
