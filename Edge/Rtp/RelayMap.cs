using IvrActors.Edge.Srtp;

namespace IvrActors.Edge.Rtp;

/// <summary>
/// Carries the stream of another source on in a stream of ours: sequence numbers and timestamps keep their distances, so loss, order and silence
/// are seen by the receiver as they were, and nothing jumps where the source begins, changes or comes back. No number of ours is given twice: under SRTP two
/// packets with one index would give both away (RFC 3711 9.1). Pure.
/// </summary>
public struct RelayMap
{
    /// <summary>A jump that is no loss any more: the source restarted (MAX_DROPOUT of RFC 3550 A.1).</summary>
    private const int MostLoss = 3000;

    private ReplayWindow _seen;
    private uint _ssrc;
    private ushort _highest;
    private ulong _highestIndex;
    private ushort _sequenceOffset;
    private uint _timestampOffset;
    private ushort _restart;
    private bool _restarting;

    /// <summary>Whether the next packet goes on where the last one stopped.</summary>
    public bool IsAnchored { get; private set; }

    /// <summary>Something else was sent in our stream meanwhile: the next packet begins anew behind it.</summary>
    public void Interrupt() => IsAnchored = false;

    /// <summary>Where a packet stands in our stream; false for one that came twice or too late.</summary>
    /// <param name="nextSequence">The number that our stream has not used yet.</param>
    /// <param name="nextTimestamp">Its time now.</param>
    public bool TryMap(in RtpHeader packet, ushort nextSequence, uint nextTimestamp, out RelayPlace place)
    {
        if (!IsAnchored || packet.Ssrc != _ssrc)
        {
            place = Anchor(packet, nextSequence, nextTimestamp);
            return true;
        }
        place = default;
        var ahead = (short)(packet.Sequence - _highest);
        if (ahead > MostLoss || -ahead >= ReplayWindow.Size)
        {
            // One stray packet changes nothing; a second one behind it is the source, which counts anew.
            var again = _restarting && packet.Sequence == _restart;
            (_restarting, _restart) = (true, (ushort)(packet.Sequence + 1));
            if (!again) return false;
            place = Anchor(packet, nextSequence, nextTimestamp);
            return true;
        }
        if (ahead <= 0 && (ulong)-ahead >= _highestIndex) return false;
        var index = ahead > 0 ? _highestIndex + (ulong)ahead : _highestIndex - (ulong)-ahead;
        if (!_seen.IsNew(index)) return false;
        _seen.Commit(index);
        _restarting = false;
        if (ahead > 0) (_highest, _highestIndex) = (packet.Sequence, index);
        place = new RelayPlace((ushort)(packet.Sequence + _sequenceOffset), packet.Timestamp + _timestampOffset, Begins: false, IsNewest: ahead > 0);
        return true;
    }

    private RelayPlace Anchor(in RtpHeader packet, ushort nextSequence, uint nextTimestamp)
    {
        IsAnchored = true;
        _restarting = false;
        _ssrc = packet.Ssrc;
        _highest = packet.Sequence;
        // Numbers below it were before the anchor: they are never given.
        _highestIndex = 1;
        _seen = default;
        _seen.Commit(_highestIndex);
        _sequenceOffset = (ushort)(nextSequence - packet.Sequence);
        _timestampOffset = nextTimestamp - packet.Timestamp;
        return new RelayPlace(nextSequence, nextTimestamp, Begins: true, IsNewest: true);
    }
}

/// <param name="Begins">Whether the timestamps jumped at the source: the receiver may set its playout delay anew (RFC 3551 4.1).</param>
/// <param name="IsNewest">Whether none behind it was sent before.</param>
public readonly record struct RelayPlace(ushort Sequence, uint Timestamp, bool Begins, bool IsNewest);
