using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// RTP, RTCP, SRTP and SRTCP packets. Oracle: what is read is written the same; a packet without a right tag is refused and changes nothing, so that the
/// genuine packet after it still opens.
/// </summary>
public sealed class RtpTarget : IFuzzTarget
{
    private const uint OurSsrc = 0x11223344;
    private const int MostBytes = 2048;
    private const int PayloadBytes = 16;

    private readonly byte[] _packet = new byte[MostBytes + 64];
    private readonly byte[] _genuine = new byte[256];
    private readonly (SrtpSender Sender, SrtpReceiver Receiver)[] _protections = [.. SrtpSuite.All.Select(suite => (new SrtpSender(Key(suite)), new SrtpReceiver(Key(suite))))];
    private ReceptionStatistics _statistics;
    private ushort _sequence;

    public string Name => "rtp";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [0x80, 0x00], [0x80, 0x08], [0x80, 0xE5], [0x90, 0x00], [0x8F, 0x00], [0xA0, 0x00], [0x80, 0xC8, 0x00, 0x06], [0x81, 0xC9, 0x00, 0x07], [0x80, 0xCB, 0x00, 0x01],
        [0x81, 0xCA, 0x00, 0x03], [0x80, 0xCF, 0x00, 0x11], [0x04, 0x00, 0x00, 0x02], [0x05, 0x00, 0x00, 0x03], [0x07, 0x00, 0x00, 0x08], [0xBE, 0xDE, 0x00, 0x01], [0x11, 0x22, 0x33, 0x44], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0x00, 0x00], [0x7F, 0xFF],
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var packet = input.Span[..Math.Min(input.Length, MostBytes)];
        CheckProtected(packet);
        return Rtcp.IsRtcp(packet) ? CheckRtcp(packet) : CheckRtp(packet);
    }

    private bool CheckRtp(ReadOnlySpan<byte> packet)
    {
        if (RtpHeader.TryRead(packet, out var header) != RtpRejection.None)
            return false;
        Require(header.Length >= RtpHeader.Size && header.Length <= packet.Length, "a header longer than its packet");
        var read = header.TryGetPayload(packet, out var payload) == RtpRejection.None;
        Require(!read || header.Length + payload.Length <= packet.Length, "a payload longer than its packet");
        if (packet[0] == 0x80)
        {
            header.Write(_packet);
            Require(packet[..RtpHeader.Size].SequenceEqual(_packet.AsSpan(0, RtpHeader.Size)), "writing a header is no fixed point");
        }
        _statistics.Add(header.Sequence, header.Timestamp, 0);
        _statistics.TakeFractionLost();
        var losses = _statistics.Losses;
        Require(losses.Lost >= 0 && losses.Lost <= losses.Packets && losses is { BurstDensity: >= 0 and <= 1, GapDensity: >= 0 and <= 1, BurstRatio: >= 1 }, "losses that cannot be");
        return read;
    }

    private bool CheckRtcp(ReadOnlySpan<byte> packet)
    {
        if (Rtcp.TryRead(packet, OurSsrc, out var report) != RtcpRejection.None)
            return false;
        var length = Rtcp.Write(_packet, report.SenderSsrc, report.Sender, report.AboutUs, "abcdefghijklmnop", report.Bye, report.Extended);
        Require(Rtcp.TryRead(_packet.AsSpan(0, length), OurSsrc, out var again) == RtcpRejection.None, "what was written is refused");
        Require(again == report, "writing a report is no fixed point");
        return true;
    }

    private void CheckProtected(ReadOnlySpan<byte> packet)
    {
        var sequence = _sequence++;
        foreach (var (sender, receiver) in _protections) CheckProtected(packet, sequence, sender, receiver);
    }

    private void CheckProtected(ReadOnlySpan<byte> packet, ushort sequence, SrtpSender sender, SrtpReceiver receiver)
    {
        packet.CopyTo(_packet);
        if (RtpHeader.TryRead(packet, out var header) == RtpRejection.None)
            Require(receiver.UnprotectRtp(_packet.AsSpan(0, packet.Length), header.Length, out _) != SrtpRejection.None, "a forged SRTP packet was accepted");
        packet.CopyTo(_packet);
        Require(receiver.UnprotectRtcp(_packet.AsSpan(0, packet.Length), out _) != SrtpRejection.None, "a forged SRTCP packet was accepted");

        var genuine = new RtpHeader { PayloadType = 0, Sequence = sequence, Timestamp = 160u * sequence, Ssrc = OurSsrc };
        genuine.Write(_genuine);
        _genuine.AsSpan(RtpHeader.Size, PayloadBytes).Fill(0xD5);
        var length = sender.ProtectRtp(_genuine, RtpHeader.Size + PayloadBytes, RtpHeader.Size);
        Require(receiver.UnprotectRtp(_genuine.AsSpan(0, length), RtpHeader.Size, out var clear) == SrtpRejection.None, "a genuine packet was refused after a forged one");
        Require(clear == RtpHeader.Size + PayloadBytes && !_genuine.AsSpan(RtpHeader.Size, PayloadBytes).ContainsAnyExcept((byte)0xD5), "a genuine packet was garbled");
    }

    private static SrtpMasterKey Key(SrtpSuite suite) => new(suite, [.. Enumerable.Range(100, suite.KeyAndSaltSize).Select(i => (byte)i)]);
}
