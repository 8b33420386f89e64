using System.Buffers.Binary;

namespace IvrActors.Edge.Srtp;

/// <summary>
/// Protects the RTP and RTCP packets of one source of ours (RFC 3711 3.3, 3.4). Each sequence number must be given once, and at most half of their range out of order: a
/// number given twice would be one keystream for two packets.
/// </summary>
public sealed class SrtpSender(SrtpMasterKey master) : IDisposable
{
    /// <summary>Bytes that protection adds to an SRTCP packet: E flag and index, then the tag.</summary>
    public const int RtcpOverhead = 4 + SrtpCipher.TagSize;

    private readonly SrtpCipher _rtp = SrtpCipher.ForRtp(master);
    private SrtpCipher? _rtcp; // Made when the first report leaves: short calls never need it.
    private uint _roc;
    private ushort _lastSequence;
    private bool _any;
    private uint _rtcpIndex;

    /// <summary>The key that this sender works under; a renegotiation offers it again.</summary>
    public SrtpMasterKey Master => master;

    /// <summary>Encrypts in place and appends the tag; <paramref name="packet"/> has room for <see cref="SrtpCipher.TagSize"/> more than <paramref name="length"/>. Returns the new length.</summary>
    public int ProtectRtp(Span<byte> packet, int length, int headerLength)
    {
        var sequence = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        var rollovers = RolloversOf(sequence);
        var index = (ulong)rollovers << 16 | sequence;
        _rtp.Crypt(packet[headerLength..length], BinaryPrimitives.ReadUInt32BigEndian(packet[8..]), index);
        Span<byte> roc = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(roc, rollovers);
        _rtp.Tag(packet[..length], roc, packet.Slice(length, SrtpCipher.TagSize));
        return length + SrtpCipher.TagSize;
    }

    /// <summary>The rollover counter of a packet, which a late one (relayed as it came) has from before the last rollover (RFC 3711 3.3.1).</summary>
    private uint RolloversOf(ushort sequence)
    {
        var ahead = _any ? (short)(sequence - _lastSequence) : (short)1;
        if (ahead <= 0) return sequence > _lastSequence ? _roc - 1 : _roc;
        if (_any && sequence < _lastSequence) _roc++;
        _any = true;
        _lastSequence = sequence;
        return _roc;
    }

    /// <summary>As <see cref="ProtectRtp"/>, for a compound RTCP packet; adds <see cref="RtcpOverhead"/> bytes.</summary>
    public int ProtectRtcp(Span<byte> packet, int length)
    {
        _rtcp ??= SrtpCipher.ForRtcp(master);
        _rtcpIndex = (_rtcpIndex + 1) & 0x7FFF_FFFF;
        _rtcp.Crypt(packet[8..length], BinaryPrimitives.ReadUInt32BigEndian(packet[4..]), _rtcpIndex);
        BinaryPrimitives.WriteUInt32BigEndian(packet[length..], 0x8000_0000 | _rtcpIndex);
        _rtcp.Tag(packet[..(length + 4)], default, packet.Slice(length + 4, SrtpCipher.TagSize));
        return length + RtcpOverhead;
    }

    public void Dispose()
    {
        _rtp.Dispose();
        _rtcp?.Dispose();
        master.Dispose();
    }
}
