using System.Buffers.Binary;

namespace IvrActors.Edge.Srtp;

/// <summary>
/// Protects the RTP and RTCP packets of one source of ours (RFC 3711 3.3, 3.4; RFC 7714 8, 9), which may give way to another one and never comes back. Each sequence number
/// must be given once, and at most half of their range out of order: a number given twice would be one keystream for two packets. What would go beyond the key's lifetime throws.
/// </summary>
public sealed class SrtpSender(SrtpMasterKey master) : IDisposable
{
    /// <summary>Most bytes that protection adds to an SRTCP packet.</summary>
    public const int MostRtcpOverhead = 4 + SrtpSuite.MostTagSize;

    private SrtpCipher? _rtp; // Made when the first packet leaves: of the keys of an offer only one is used.
    private SrtpCipher? _rtcp;
    private ulong _rollovers;
    private ReplayWindow _sent;
    private ushort _lastSequence;
    private uint _ssrc;
    private bool _any;
    private ulong _rtcpIndex;

    /// <summary>As after so many rollovers and reports.</summary>
    internal SrtpSender(SrtpMasterKey master, uint rollovers, uint rtcpIndex)
        : this(master) => (_rollovers, _rtcpIndex) = (rollovers, rtcpIndex);

    /// <summary>The key that this sender works under; a renegotiation offers it again.</summary>
    public SrtpMasterKey Master => master;

    /// <summary>Encrypts in place and appends the tag, for which <paramref name="packet"/> has room behind <paramref name="length"/>. Returns the new length.</summary>
    public int ProtectRtp(Span<byte> packet, int length, int headerLength)
    {
        var ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[8..]);
        var index = IndexOf(BinaryPrimitives.ReadUInt16BigEndian(packet[2..]), ssrc);
        if (index >= SrtpMasterKey.MostRtpPackets) throw Expired();
        // RFC 3711 9.1: two packets with one index give both away, and under GCM the key of the tags too.
        if (!_sent.IsNew(index)) throw new InvalidOperationException("internal error: an SRTP index would be used twice");
        _sent.Commit(index);
        _rtp ??= SrtpCipher.ForRtp(master);
        var tag = packet.Slice(length, master.Suite.RtpTagSize);
        _rtp.Seal(packet[..length], headerLength, ssrc, index, default, tag);
        return length + tag.Length;
    }

    /// <summary>The index of a packet; a late one (relayed as it came) has that of before the last rollover (RFC 3711 3.3.1).</summary>
    private ulong IndexOf(ushort sequence, uint ssrc)
    {
        // Each source has its own rollover counter, which begins at 0 (RFC 3711 3.2.3, 3.3.1).
        if (_any && ssrc != _ssrc) (_rollovers, _any, _sent) = (0, false, default);
        _ssrc = ssrc;
        var ahead = _any ? (short)(sequence - _lastSequence) : (short)1;
        if (ahead <= 0) return (sequence > _lastSequence ? _rollovers - 1 : _rollovers) << 16 | sequence;
        if (_any && sequence < _lastSequence) _rollovers++;
        _any = true;
        _lastSequence = sequence;
        return _rollovers << 16 | sequence;
    }

    /// <summary>As <see cref="ProtectRtp"/>, for a compound RTCP packet; adds <see cref="SrtpSuite.RtcpOverhead"/> bytes.</summary>
    public int ProtectRtcp(Span<byte> packet, int length)
    {
        if (_rtcpIndex + 1 >= SrtpMasterKey.MostRtcpPackets) throw Expired();
        _rtcpIndex++;
        _rtcp ??= SrtpCipher.ForRtcp(master);
        var trailer = SrtcpTrailer.Of(packet[length..(length + master.Suite.RtcpOverhead)], master.Suite);
        BinaryPrimitives.WriteUInt32BigEndian(trailer.Word, SrtcpTrailer.Encrypted | (uint)_rtcpIndex);
        _rtcp.Seal(packet[..length], SrtcpTrailer.HeaderSize, BinaryPrimitives.ReadUInt32BigEndian(packet[4..]), _rtcpIndex, trailer.Word, trailer.Tag);
        return length + master.Suite.RtcpOverhead;
    }

    private static InvalidOperationException Expired() => new("internal error: more packets than an SRTP master key may protect");

    public void Dispose()
    {
        _rtp?.Dispose();
        _rtcp?.Dispose();
        master.Dispose();
    }
}
