using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Registration;

/// <summary>Where a user can be reached until a time: the contact as registered, and the peer that registered it, which is where requests to it go.</summary>
public sealed class Binding
{
    public required SipUri Contact { get; init; }
    public required SipPeer Peer { get; init; }

    /// <summary>Ticks of 100 ns.</summary>
    public required long Until { get; init; }

    /// <summary>Of the REGISTER that made it: a later one of the same Call-ID has a higher CSeq.</summary>
    public required string CallId { get; init; }
    public required uint Sequence { get; init; }
}

/// <summary>What a REGISTER wants done to one contact.</summary>
/// <param name="Until">End of the binding; <paramref name="Until"/> of now or before removes it.</param>
internal readonly record struct BindingChange(SipUri Contact, long Until);

/// <summary>The bindings of one address of record, newest last. A change is whole or not at all (RFC 3261 10.3).</summary>
internal sealed class Bindings(int most)
{
    private List<Binding> _bindings = [];

    public IReadOnlyList<Binding> Current => _bindings;

    public void Expire(long now) => _bindings.RemoveAll(binding => binding.Until <= now);

    /// <summary>Makes the changes of a REGISTER. False, and nothing changed, when it came out of order: same Call-ID with a CSeq that is not higher.</summary>
    public bool TryChange(long now, IReadOnlyList<BindingChange> changes, SipPeer peer, string callId, uint sequence)
    {
        var next = _bindings.ToList();
        foreach (var change in changes)
        {
            var before = next.Find(binding => binding.Contact.Equals(change.Contact));
            if (before is not null)
            {
                if (before.CallId == callId && sequence <= before.Sequence) return false;
                next.Remove(before);
            }
            if (change.Until <= now) continue;
            next.Add(new Binding { Contact = change.Contact, Peer = peer, Until = change.Until, CallId = callId, Sequence = sequence });
        }
        // A phone that restarted at another port must not be kept out by what it was before: the oldest gives way.
        _bindings = next.Count > most ? next[^most..] : next;
        return true;
    }

    /// <summary>Removes all (<c>Contact: *</c>). False when it came out of order.</summary>
    public bool TryClear(string callId, uint sequence)
    {
        if (_bindings.Exists(binding => binding.CallId == callId && sequence <= binding.Sequence)) return false;
        _bindings.Clear();
        return true;
    }
}
