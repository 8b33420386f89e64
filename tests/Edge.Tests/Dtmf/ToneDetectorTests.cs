using System.Text;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Tests.Media;
using Xunit;

namespace IvrActors.Edge.Tests.Dtmf;

/// <summary>ITU-T Q.24 Table 1 (the columns of AT&amp;T and of most others), on generated tones that went through G.711.</summary>
public class ToneDetectorTests
{
    private const string Keys = "123A456B789C*0#D";
    private static readonly double[] s_low = [697, 770, 852, 941];
    private static readonly double[] s_high = [1209, 1336, 1477, 1633];

    /// <summary>Amplitude of a sine of 0 dBm0: G.711's largest is 3.14 dBm0.</summary>
    private static double Amplitude(double dBm0) => 32767 * Math.Pow(10, (dBm0 - 3.14) / 20);

    internal static short[] Tone(char key, double ms, double low = -10, double high = -10, double lowOff = 0, double highOff = 0, double phase = 0)
    {
        var at = Keys.IndexOf(key, StringComparison.Ordinal);
        var samples = new short[(int)(ms * 8)];
        for (var i = 0; i < samples.Length; i++)
        {
            var t = 2 * Math.PI * i / 8000;
            samples[i] = (short)Math.Clamp(
                Amplitude(low) * Math.Sin(t * s_low[at / 4] * (1 + lowOff) + phase) + Amplitude(high) * Math.Sin(t * s_high[at % 4] * (1 + highOff) + 2 * phase), -32768, 32767);
        }
        return samples;
    }

    private static short[] Pause(double ms) => new short[(int)(ms * 8)];

    /// <summary>Through mu-law and A-law, as it comes from a telephone, in packets of 20 ms.</summary>
    private static string Hear(params short[][] parts)
    {
        short[] audio = [.. parts.SelectMany(part => part), .. Pause(60)];
        var byMuLaw = Hear(Array.ConvertAll(audio, sample => G711.DecodeMuLaw(G711.EncodeMuLaw(sample))), 160);
        var byALaw = Hear(Array.ConvertAll(audio, sample => G711.DecodeALaw(G711.EncodeALaw(sample))), 160);
        Assert.Equal(byMuLaw, byALaw);
        return byMuLaw;
    }

    private static string Hear(short[] audio, int packet)
    {
        var detector = new ToneDetector();
        var heard = new StringBuilder();
        for (var i = 0; i < audio.Length; i += packet)
        {
            ReadOnlySpan<short> samples = audio.AsSpan(i, Math.Min(packet, audio.Length - i));
            while (detector.TryTake(ref samples, out var key)) heard.Append(key);
        }
        return heard.ToString();
    }

    /// <summary>Gaussian, by Box and Muller.</summary>
    private static short[] WithNoise(short[] audio, double dBm0, Random random)
    {
        var deviation = Amplitude(dBm0) / Math.Sqrt(2);
        return Array.ConvertAll(audio, sample => (short)Math.Clamp(
            sample + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()), -32768, 32767));
    }

    [Fact]
    public void Each_key_is_heard_once_wherever_its_40_ms_begin()
    {
        foreach (var key in Keys)
        {
            for (var start = 0; start < 204; start += 7) Assert.Equal($"{key}", Hear(new short[start], Tone(key, 40, phase: start), Pause(40)));
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-25, -25)]
    [InlineData(-25, -21)]
    [InlineData(-4, 0)]
    [InlineData(0, -8)]
    [InlineData(-17, -25)]
    public void Levels_and_twist_within_the_limits_are_heard(double low, double high)
    {
        foreach (var key in Keys)
        {
            for (var start = 0; start < 102; start += 17) Assert.Equal($"{key}", Hear(new short[start], Tone(key, 40, low, high, phase: start)));
        }
    }

    [Theory]
    [InlineData(-40, -40)]
    [InlineData(-15, -3)]
    [InlineData(-3, -18)]
    public void What_is_too_quiet_or_too_unequal_is_no_key(double low, double high)
    {
        foreach (var key in Keys) Assert.Equal("", Hear(Tone(key, 200, low, high)));
    }

    [Theory]
    [InlineData(0.015, 0.015)]
    [InlineData(-0.015, -0.015)]
    [InlineData(0.015, -0.015)]
    [InlineData(-0.015, 0.015)]
    public void Frequencies_within_1_5_percent_are_heard_at_any_twist(double low, double high)
    {
        foreach (var key in Keys)
        {
            foreach (var (lowLevel, highLevel) in new[] { (-10.0, -10.0), (-14, -10), (-10, -18) })
            {
                for (var start = 0; start < 102; start += 17) Assert.Equal($"{key}", Hear(new short[start], Tone(key, 40, lowLevel, highLevel, low, high, start)));
            }
        }
    }

    [Theory]
    [InlineData(0.035, 0)]
    [InlineData(-0.035, 0)]
    [InlineData(0, 0.035)]
    [InlineData(0, -0.035)]
    [InlineData(0.05, 0.05)]
    public void Frequencies_3_5_percent_off_are_no_key(double low, double high)
    {
        foreach (var key in Keys)
        {
            foreach (var (lowLevel, highLevel) in new[] { (-10.0, -10.0), (-14, -10), (-10, -18) }) Assert.Equal("", Hear(Tone(key, 100, lowLevel, highLevel, low, high)));
        }
    }

    [Fact]
    public void A_tone_of_23_ms_is_no_key()
    {
        foreach (var key in Keys)
        {
            for (var start = 0; start < 204; start += 7) Assert.Equal("", Hear(new short[start], Tone(key, 23)));
        }
    }

    [Fact]
    public void A_pause_of_40_ms_parts_two_presses_and_a_gap_of_10_ms_does_not()
    {
        for (var start = 0; start < 102; start += 5)
        {
            Assert.Equal("77", Hear(new short[start], Tone('7', 45), Pause(40), Tone('7', 45)));
            Assert.Equal("7", Hear(new short[start], Tone('7', 45), Pause(10), Tone('7', 45)));
        }
    }

    [Fact]
    public void A_long_press_is_one_key_and_a_change_of_tones_is_another()
    {
        Assert.Equal("5", Hear(Tone('5', 5000)));
        Assert.Equal("5", Hear(Tone('5', 60), Tone('5', 200, -18, -18)));
        Assert.Equal("12369874", Hear([.. "12369874".Select(key => Tone(key, 60))]));
        Assert.Equal("4915550001#", Hear([.. "4915550001#".SelectMany(key => new[] { Tone(key, 50), Pause(45) })]));
    }

    [Fact]
    public void Noise_15_db_below_the_tones_costs_no_key_in_a_thousand_and_makes_none()
    {
        var random = new Random(4733);
        var keys = string.Concat(Enumerable.Range(0, 1000).Select(_ => Keys[random.Next(16)]));
        // The noise is 15 dB below the weaker tone, over the whole band of 4 kHz.
        short[] audio = [.. keys.SelectMany(key => (short[])[.. Tone(key, 50, phase: random.NextDouble()), .. Pause(50)])];
        Assert.Equal(keys, Hear(WithNoise(audio, -25, random), 160));
        Assert.Equal("", Hear(WithNoise(Pause(120_000), -15, random), 160));
    }

    [Fact]
    public void Recorded_speech_holds_no_key_and_half_an_hour_of_loud_vowels_at_most_three()
    {
        var random = new Random(24);
        foreach (var file in Directory.GetFiles(Path.Combine(AudioTests.Repository, "flows", "prompts"), "*.wav", SearchOption.AllDirectories))
        {
            Assert.Equal(WavRejection.None, WavFile.TryRead(File.ReadAllBytes(file), out var wav));
            Assert.Equal("", Hear(wav!.Samples, 160));
        }
        // Harder than a talk-off recording: nothing but harmonics of a gliding pitch, of any strength.
        var voice = new short[30 * 60 * 8000];
        var pitch = 100.0;
        double glide = 0;
        var levels = new double[40];
        var phases = new double[40];
        for (var i = 0; i < voice.Length; i++)
        {
            if (i % 800 == 0)
            {
                glide = (random.NextDouble() - 0.5) * 0.02;
                if (i % 4000 == 0) pitch = 80 + random.NextDouble() * 320;
                for (var h = 0; h < levels.Length; h++) levels[h] = random.NextDouble() * 6000 / (1 + h * random.NextDouble());
            }
            pitch = Math.Clamp(pitch + glide, 80, 400);
            double sample = 0;
            for (var h = 0; h < levels.Length && (h + 1) * pitch < 3400; h++)
            {
                phases[h] += 2 * Math.PI * (h + 1) * pitch / 8000;
                sample += levels[h] * Math.Sin(phases[h]);
            }
            voice[i] = (short)Math.Clamp(sample, -32768, 32767);
        }
        Assert.InRange(Hear(voice, 160).Length, 0, 3);
    }

    [Fact]
    public void Nothing_is_allocated_while_it_listens_and_packets_may_have_any_length()
    {
        var audio = Tone('8', 4000);
        var detector = new ToneDetector();
        ReadOnlySpan<short> first = audio;
        Assert.True(detector.TryTake(ref first, out var key));
        Assert.Equal('8', key);
        var before = GC.GetAllocatedBytesForCurrentThread();
        while (detector.TryTake(ref first, out _))
        {
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        foreach (var packet in new[] { 1, 80, 101, 240, 1280 }) Assert.Equal("8", Hear(audio, packet));
    }

    [Fact]
    public void What_was_heard_before_a_reset_counts_for_nothing()
    {
        var detector = new ToneDetector();
        ReadOnlySpan<short> half = Tone('1', 20);
        Assert.False(detector.TryTake(ref half, out _));
        detector.Reset();
        ReadOnlySpan<short> rest = Tone('1', 20);
        Assert.False(detector.TryTake(ref rest, out _));
    }
}
