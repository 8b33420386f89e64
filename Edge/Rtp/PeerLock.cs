namespace IvrActors.Edge.Rtp;

/// <summary>
/// Decides which source address is the peer (symmetric RTP). Learns it once and then holds it, so that a stranger who sends RTP to our port
/// gets neither our audio nor a hearing ("RTP bleed").
/// </summary>
public struct PeerLock
{
    /// <summary>
    /// Packets in sequence that an address other than the signalled one must send before it is believed. More than one, so that a stray
    /// packet does not win; few, so that a caller behind a NAT is heard after 80 ms.
    /// </summary>
    public const int PacketsToLearn = 4;

    private MediaAddress _signalled;
    private MediaAddress _candidate;
    private uint _candidateSsrc;
    private ushort _candidateSequence;
    private int _candidatePackets;

    /// <summary>Whether the address was learned from received packets.</summary>
    public bool IsLocked { get; private set; }

    /// <summary>Where to send: the signalled address until another was learned.</summary>
    public MediaAddress Target { get; private set; }

    /// <summary>A new address was signalled by SDP: learning starts anew, unless it is the same as before.</summary>
    public void Signal(MediaAddress address)
    {
        if (address == _signalled) return;
        _signalled = address;
        _candidatePackets = 0;
        IsLocked = false;
        Target = address;
    }

    /// <summary>Whether an unauthenticated but well-formed packet of an expected payload type is from the peer. Learns from it.</summary>
    public bool Admit(MediaAddress from, uint ssrc, ushort sequence)
    {
        if (IsLocked && from == Target) return true;
        // Somebody else was faster than the peer that was signalled: it gets its call back, but not for one stray packet.
        if (IsLocked && (from != _signalled || _signalled.IsNone)) return false;
        if (!IsLocked && from == _signalled)
        {
            Lock(from);
            return true;
        }
        var continues = from == _candidate && ssrc == _candidateSsrc && _candidatePackets > 0 && (ushort)(sequence - _candidateSequence - 1) < 3;
        // Two strangers who compete reset each other: neither is believed until one sends a row of packets alone.
        _candidatePackets = continues ? _candidatePackets + 1 : 1;
        _candidate = from;
        _candidateSsrc = ssrc;
        _candidateSequence = sequence;
        if (_candidatePackets < PacketsToLearn) return false;
        Lock(from);
        return true;
    }

    /// <summary>An authenticated packet came from there: its sender holds the key, so the target follows it (a NAT may rebind).</summary>
    public void Authenticated(MediaAddress from) => Lock(from);

    /// <summary>ICE or a handshake says where the peer is; none: nothing is sent.</summary>
    public void Nominate(MediaAddress address) => Lock(address);

    private void Lock(MediaAddress address)
    {
        IsLocked = true;
        Target = address;
    }
}
