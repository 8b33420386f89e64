using System.Buffers.Binary;
using System.Globalization;
using IvrActors.Edge.Srtp;

namespace IvrActors.Bench;

/// <summary>Protecting a packet of 20 ms of G.711 and opening it again, under each suite.</summary>
public static class SrtpBench
{
    private const int Header = 12, Payload = 160;

    public static void Run()
    {
        SrtpSuite[] suites = [SrtpSuite.Aes128Sha1Tag80, .. SrtpSuite.All.Where(suite => suite != SrtpSuite.Aes128Sha1Tag80)];
        var costs = Measurement.Compare([.. suites.Select(suite => (suite.Name, ThereAndBack(suite))), .. suites.Select(suite => ("forged, " + suite.Name, Forged(suite)))]);

        Console.WriteLine($"protect and unprotect {Header + Payload} bytes; forged: refuse one");
        foreach (var cost in costs)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cost}  {cost.Nanoseconds / costs[0].Nanoseconds,6:F2} x the cost of {costs[0].Name}"));
    }

    private static SrtpMasterKey Key(SrtpSuite suite) => new(suite, [.. Enumerable.Range(1, suite.KeyAndSaltSize).Select(i => (byte)i)]);

    private static Action ThereAndBack(SrtpSuite suite)
    {
        var sender = new SrtpSender(Key(suite));
        var receiver = new SrtpReceiver(Key(suite));
        var packet = new byte[Header + Payload + suite.RtpTagSize];
        packet[0] = 0x80;
        ushort sequence = 0;
        return () =>
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), sequence++);
            sender.ProtectRtp(packet, Header + Payload, Header);
            if (receiver.UnprotectRtp(packet, Header, out _) != SrtpRejection.None) throw new InvalidOperationException("a genuine packet was refused");
        };
    }

    private static Action Forged(SrtpSuite suite)
    {
        var receiver = new SrtpReceiver(Key(suite));
        var packet = new byte[Header + Payload + suite.RtpTagSize];
        packet[0] = 0x80;
        return () =>
        {
            if (receiver.UnprotectRtp(packet, Header, out _) != SrtpRejection.BadTag) throw new InvalidOperationException("a forged packet was accepted");
        };
    }
}
