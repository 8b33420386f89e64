using IvrActors.Edge.Media;

namespace IvrActors.Load.Media;

/// <summary>Tells packets of the tone by which the server asks for patience from those that answer an input.</summary>
internal static class Patience
{
    private const int Frame = 160;

    private static readonly HashSet<ulong> s_packets = [.. PacketsOf(aLaw: false), .. PacketsOf(aLaw: true)];

    /// <summary>FNV-1a: it tells packets apart, no more.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> payload)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var code in payload) hash = (hash ^ code) * 0x100000001b3;
        return hash;
    }

    public static bool Holds(ulong packet) => s_packets.Contains(packet);

    private static List<ulong> PacketsOf(bool aLaw)
    {
        var packets = new List<ulong>();
        for (var at = WaitingTone.Audio.Bytes(aLaw); at.Length >= Frame; at = at[Frame..]) packets.Add(HashOf(at[..Frame]));
        return packets;
    }
}
