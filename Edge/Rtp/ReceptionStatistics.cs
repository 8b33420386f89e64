namespace IvrActors.Edge.Rtp;

/// <summary>What is known about the packets of one source: sequence, loss and jitter (RFC 3550 A.1, A.3, A.8).</summary>
public struct ReceptionStatistics
{
    /// <summary>RFC 3550 A.1: a jump forward below this is loss, above it a restarted source.</summary>
    private const int MaxDropout = 3000;

    /// <summary>RFC 3550 A.1: a packet this far behind is late, not a restart.</summary>
    private const int MaxMisorder = 100;

    private const uint SequenceModulus = 1 << 16;

    /// <summary>"No such number seen": outside of the 16 bits.</summary>
    private const uint NoSequence = SequenceModulus + 1;

    private bool _started;
    private uint _baseSequence;
    private ushort _maxSequence;
    private uint _cycles;
    private uint _badSequence;
    private uint _received;
    private uint _expectedPrior;
    private uint _receivedPrior;
    private uint _transit;
    private uint _jitter; // Scaled by 16, as in A.8.
    private LossPattern _pattern;

    /// <summary>Highest sequence number with its cycles, as a report block carries it.</summary>
    public readonly uint ExtendedHighestSequence => _cycles + _maxSequence;

    public readonly uint Received => _received;

    public readonly uint Expected => _started ? ExtendedHighestSequence - _baseSequence + 1 : 0;

    /// <summary>Packets that did not come; negative when some came twice.</summary>
    public readonly int Lost => (int)(Expected - _received);

    /// <summary>Interarrival jitter in timestamp units.</summary>
    public readonly uint Jitter => _jitter >> 4;

    /// <summary>How the losses lay.</summary>
    public readonly LossSummary Losses => _pattern.Summarize();

    /// <summary>Counts a valid packet. <paramref name="arrival"/> is the time of arrival in timestamp units (8 per ms). False: it belongs to a jump that is not yet believed.</summary>
    public bool Add(ushort sequence, uint timestamp, uint arrival)
    {
        if (!_started)
        {
            Restart(sequence);
        }
        else if (!Accept(sequence))
        {
            return false;
        }
        _received++;

        var transit = arrival - timestamp;
        if (_received > 1)
        {
            var difference = (uint)Math.Abs((long)(int)(transit - _transit));
            _jitter += difference - ((_jitter + 8) >> 4);
        }
        _transit = transit;
        return true;
    }

    private bool Accept(ushort sequence)
    {
        var delta = (ushort)(sequence - _maxSequence);
        if (delta < MaxDropout)
        {
            if (sequence < _maxSequence) _cycles += SequenceModulus;
            _maxSequence = sequence;
            _pattern.Advance(delta);
            return true;
        }
        if (delta > SequenceModulus - MaxMisorder)
        {
            _pattern.Late((int)(SequenceModulus - delta));
            return true;
        }

        // A very large jump: two packets in a row there say that the source restarted.
        if (sequence == _badSequence)
        {
            Restart(sequence);
            return true;
        }
        _badSequence = (uint)(ushort)(sequence + 1);
        return false;
    }

    private void Restart(ushort sequence)
    {
        _started = true;
        _baseSequence = sequence;
        _maxSequence = sequence;
        _badSequence = NoSequence;
        _cycles = 0;
        _received = 0;
        _receivedPrior = 0;
        _expectedPrior = 0;
        _pattern = default;
        _pattern.Advance(1);
    }

    /// <summary>Loss since the last call in 1/256 (A.3); to be called once per report.</summary>
    public byte TakeFractionLost()
    {
        var expected = Expected - _expectedPrior;
        var received = _received - _receivedPrior;
        _expectedPrior = Expected;
        _receivedPrior = _received;
        var lost = (int)(expected - received);
        return expected == 0 || lost <= 0 ? (byte)0 : (byte)Math.Min(255, ((long)lost << 8) / expected);
    }
}
