using IvrActors.Edge.Media;

namespace IvrActors.Bench;

/// <summary>20 ms of telephone audio from Opus and into it, as a bridged leg costs it for each packet.</summary>
public static class OpusBench
{
    public static void Run()
    {
        // A voice-like sweep: silence would be cheaper than what callers say.
        var audio = new byte[50 * Telephone.FrameSamples];
        for (var i = 0; i < audio.Length; i++) audio[i] = G711.EncodeMuLaw((short)(8000 * Math.Sin(i * (0.1 + 0.00002 * i)) * Math.Sin(i * 0.002)));
        var packets = OpusAudio.Encode(audio);
        var (bridge, muLaw, packet, at) = (new OpusBridge(), new byte[OpusAudio.MostSamples], new byte[OpusAudio.FrameBytes], 0);
        var costs = Measurement.Compare(
            ("decode", () =>
            {
                bridge.Refill();
                bridge.Decode(packets.AsSpan(at++ % 50 * OpusAudio.FrameBytes, OpusAudio.FrameBytes), muLaw);
            }
        ),
            ("encode", () =>
            {
                bridge.Refill();
                bridge.Encode(audio.AsSpan(at++ % 50 * Telephone.FrameSamples, Telephone.FrameSamples), aLaw: false, packet);
            }
        ));
        foreach (var cost in costs) Console.WriteLine(cost);
    }
}
