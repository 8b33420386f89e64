using IvrActors.Edge.Dtls;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// What comes on a port that carries STUN, DTLS and RTP: which of them it is, and which records of DTLS go on to a handshake. Oracle: an obvious walk over the records keeps
/// the same ones in the same order; keeping once more changes nothing; a ClientHello without a cookie of ours begins nothing and is answered with less than it was; what is
/// put together of fragments has only bytes that came, each at its place.
/// </summary>
public sealed class DtlsTarget : IFuzzTarget
{
    private const int MostBytes = 1500;

    private static readonly MediaAddress s_home = MediaAddress.V4([192, 0, 2, 1], 4000);

    private readonly DtlsCookies _cookies = new(TimeProvider.System);
    private readonly byte[] _kept = new byte[MostBytes];
    private readonly byte[] _keptAgain = new byte[MostBytes];

    public string Name => "dtls";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [22, 0xFE, 0xFD, 0, 0], [22, 0xFE, 0xFF, 0, 0], [22, 0xFE, 0xFD, 0, 1], [20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 1], [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40],
        [1, 0, 0], [11, 0, 0], [15, 0, 0], [16, 0, 0], [2, 0, 0], [3, 0, 0], [14, 0, 0, 0], [0, 14, 0, 5, 0, 2, 0, 1, 0], [0, 23, 0, 0], [0xC0, 0x2B], [0, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0xFF],
        [0xFF, 0xFF, 0xFF],
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var datagram = input.Span[..Math.Min(input.Length, MostBytes)];
        if (datagram.IsEmpty)
            return false;
        var kinds = (Stun.IsStun(datagram[0]) ? 1 : 0) + (DtlsRecords.IsDtls(datagram[0]) ? 1 : 0) + (datagram[0] is >= 128 and <= 191 ? 1 : 0);
        Require(kinds <= 1, "a datagram is two things at once");

        var any = CheckKept(datagram, fromClient: true) | CheckKept(datagram, fromClient: false);
        if (!DtlsRecords.IsClientHello(datagram))
            return any;
        CheckHello(datagram.ToArray());
        return CheckAssembled(datagram) | any;
    }

    private bool CheckKept(ReadOnlySpan<byte> datagram, bool fromClient)
    {
        var length = new DtlsGate(fromClient).Keep(datagram, _kept);
        var kept = _kept.AsSpan(0, length);
        Require(length <= datagram.Length, "more is kept than came");
        Require(new DtlsGate(fromClient).Keep(kept, _keptAgain) == length && kept.SequenceEqual(_keptAgain.AsSpan(0, length)), "keeping what was kept changes it");

        var records = Records(datagram);
        foreach (var record in Records(kept.ToArray()))
        {
            var at = records.FindIndex(one => one.AsSpan().SequenceEqual(record));
            Require(at >= 0, "a record is kept that did not come, or not in this order");
            records.RemoveRange(0, at + 1);
            Require(record[0] is 20 or 22 && record[3] == 0 && record[4] <= 1, "a record is kept that is no part of a handshake");
            Require(record[0] != 22 || record[4] == 1 || record[13] != 1, "a ClientHello is kept in a handshake that goes on");
        }
        return length > 0;
    }

    private static List<byte[]> Records(ReadOnlySpan<byte> datagram)
    {
        var records = new List<byte[]>();
        while (datagram.Length >= 13 && datagram.Length >= 13 + 256 * datagram[11] + datagram[12])
        {
            var size = 13 + 256 * datagram[11] + datagram[12];
            records.Add(datagram[..size].ToArray());
            datagram = datagram[size..];
        }
        return records;
    }

    private void CheckHello(byte[] datagram)
    {
        Require(_cookies.Verify(datagram, s_home, out var answer) is null, "a cookie was made up");
        Require(answer is null || answer.Length <= datagram.Length, "an answer to a stranger is longer than what asked for it");
    }

    private bool CheckAssembled(ReadOnlySpan<byte> datagram)
    {
        var assembly = new HelloAssembly(second: 1);
        var came = new List<byte[]>();
        var any = false;
        for (var rest = datagram; ;)
        {
            var before = rest;
            if (!HelloFragment.TryTake(ref rest, out var fragment))
                return any;
            came.Add(before[..^rest.Length].ToArray());
            any = true;
            if (fragment.TryReadCookie(out _, out _) && !_cookies.Holds(fragment, s_home, datagram.Length, out var answer))
                Require(answer is null || answer.Length <= datagram.Length, "an answer to a stranger's part of a hello is longer than what asked for it");
            if (assembly.Add(0, fragment, s_home) is not { } hello)
                continue;
            ReadOnlySpan<byte> whole = hello;
            Require(HelloFragment.TryTake(ref whole, out var read) && read.IsWhole && whole.IsEmpty && read.Length <= HelloFragment.MostHello, "what was put together is no whole hello");
            for (var i = 0; i < read.Length; i++)
                Require(came.Exists(one => IsAt(one, hello, i)), "a byte of a hello was in no part of it");
        }
    }

    private static bool IsAt(byte[] part, byte[] hello, int at)
    {
        // The message's type, length and number are the same in all of its parts.
        if (!part.AsSpan(13, 6).SequenceEqual(hello.AsSpan(13, 6)))
            return false;
        var offset = part[19] << 16 | part[20] << 8 | part[21];
        return at >= offset && at < offset + part.Length - 25 && part[25 + at - offset] == hello[25 + at];
    }
}
