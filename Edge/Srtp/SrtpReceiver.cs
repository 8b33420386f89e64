using System.Buffers.Binary;

namespace IvrActors.Edge.Srtp;

/// <summary>Why a protected packet was not accepted.</summary>
public enum SrtpRejection
{
    None = 0,
    TooShort,
    Replayed,
    BadTag,

    /// <summary>SRTCP without the E flag: clear text is not accepted.</summary>
    NotEncrypted,

    /// <summary>More sources under one key than <see cref="SrtpReceiver.MostSources"/>.</summary>
    TooManySources,
}

/// <summary>
/// Opens the peer's SRTP and SRTCP packets (RFC 3711 3.3, 3.4; RFC 7714 8, 9). Order, always: estimate the index, check replay, verify the tag, and only then
/// commit rollover counter, window and source. A packet that fails changes nothing.
/// </summary>
public sealed class SrtpReceiver(SrtpMasterKey master) : IDisposable
{
    /// <summary>Sources (SSRC) of one peer under one key: a phone that is transferred or re-invited starts a new one. Old ones stay, or their packets could be replayed.</summary>
    public const int MostSources = 8;

    private readonly SrtpCipher _rtp = SrtpCipher.ForRtp(master);
    private SrtpCipher? _rtcp; // Made when the first report comes.
    private Source[] _sources = new Source[1];
    private int _sourceCount;
    private Source[] _rtcpSources = [];
    private int _rtcpSourceCount;

    public SrtpMasterKey Master => master;

    /// <summary>Verifies and decrypts in place; <paramref name="length"/> is what remains without the tag.</summary>
    public SrtpRejection UnprotectRtp(Span<byte> packet, int headerLength, out int length)
    {
        length = packet.Length - master.Suite.RtpTagSize;
        if (length < headerLength || headerLength < 12) return SrtpRejection.TooShort;
        var sequence = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        var ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[8..]);

        var at = Find(_sources, _sourceCount, ssrc);
        var known = at >= 0;
        if (!known && _sourceCount == MostSources) return SrtpRejection.TooManySources;
        var index = known ? EstimateIndex(_sources[at], sequence) : sequence;
        if (known && !_sources[at].Window.IsNew(index)) return SrtpRejection.Replayed;

        if (!_rtp.Open(packet[..length], headerLength, ssrc, index, default, packet[length..])) return SrtpRejection.BadTag;

        if (!known) at = Append(ref _sources, ref _sourceCount, ssrc);
        _sources[at].Commit(index);
        return SrtpRejection.None;
    }

    public SrtpRejection UnprotectRtcp(Span<byte> packet, out int length)
    {
        length = packet.Length - master.Suite.RtcpOverhead;
        if (length < SrtcpTrailer.HeaderSize) return SrtpRejection.TooShort;
        var trailer = SrtcpTrailer.Of(packet[length..], master.Suite);
        var flagAndIndex = BinaryPrimitives.ReadUInt32BigEndian(trailer.Word);
        if ((flagAndIndex & SrtcpTrailer.Encrypted) == 0) return SrtpRejection.NotEncrypted;
        var index = flagAndIndex & ~SrtcpTrailer.Encrypted;
        var ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);

        var at = Find(_rtcpSources, _rtcpSourceCount, ssrc);
        if (at < 0 && _rtcpSourceCount == MostSources) return SrtpRejection.TooManySources;
        if (at >= 0 && !_rtcpSources[at].Window.IsNew(index)) return SrtpRejection.Replayed;

        _rtcp ??= SrtpCipher.ForRtcp(master);
        if (!_rtcp.Open(packet[..length], SrtcpTrailer.HeaderSize, ssrc, index, trailer.Word, trailer.Tag)) return SrtpRejection.BadTag;

        if (at < 0) at = Append(ref _rtcpSources, ref _rtcpSourceCount, ssrc);
        _rtcpSources[at].Commit(index);
        return SrtpRejection.None;
    }

    /// <summary>RFC 3711 3.3.1: the rollover counter that puts the sequence number nearest to the highest one.</summary>
    private static ulong EstimateIndex(in Source source, ushort sequence)
    {
        var roc = source.HighestIndex >> 16;
        var highest = (int)(source.HighestIndex & 0xFFFF);
        if (highest < 0x8000)
        {
            if (sequence - highest > 0x8000 && roc > 0) roc--;
        }
        else if (highest - 0x8000 > sequence)
        {
            roc++;
        }
        return (roc & 0xFFFF_FFFF) << 16 | sequence;
    }

    private static int Find(Source[] sources, int count, uint ssrc)
    {
        for (var i = 0; i < count; i++)
        {
            if (sources[i].Ssrc == ssrc) return i;
        }
        return -1;
    }

    private static int Append(ref Source[] sources, ref int count, uint ssrc)
    {
        if (count == sources.Length) Array.Resize(ref sources, Math.Max(1, count * 2));
        sources[count].Ssrc = ssrc;
        return count++;
    }

    public void Dispose()
    {
        _rtp.Dispose();
        _rtcp?.Dispose();
        master.Dispose();
    }

    private struct Source
    {
        public uint Ssrc;
        public ulong HighestIndex;
        public ReplayWindow Window;

        public void Commit(ulong index)
        {
            Window.Commit(index);
            if (index > HighestIndex) HighestIndex = index;
        }
    }
}
