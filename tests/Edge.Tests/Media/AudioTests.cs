using System.Diagnostics;
using IvrActors.Edge.Media;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

public class AudioTests
{
    // ITU-T G.711 tables 1a to 2b: the decision value above which a sample is coded so, scaled to 16 bits.
    [Theory]
    [InlineData(0, 0xFF, 0xD5)]
    [InlineData(-1, 0x7F, 0x55)]
    [InlineData(32767, 0x80, 0xAA)]
    [InlineData(-32768, 0x00, 0x2A)]
    [InlineData(1000, 0xCE, 0xFA)]
    [InlineData(-1000, 0x4E, 0x7A)]
    public void Samples_are_coded_as_g711_says(int sample, byte muLaw, byte aLaw)
    {
        Assert.Equal(muLaw, G711.EncodeMuLaw((short)sample));
        Assert.Equal(aLaw, G711.EncodeALaw((short)sample));
    }

    [Fact]
    public void Every_code_decodes_to_a_sample_that_is_coded_so_again()
    {
        for (var code = 0; code < 256; code++)
        {
            var c = (byte)code;
            if (c != 0x7F) Assert.Equal(c, G711.EncodeMuLaw(G711.DecodeMuLaw(c))); // 7F is the negative zero.
            Assert.Equal(c, G711.EncodeALaw(G711.DecodeALaw(c)));
        }
        Assert.Equal(0, G711.DecodeMuLaw(G711.MuLawSilence));
        Assert.Equal(32124, G711.DecodeMuLaw(0x80));
        Assert.Equal(32256, G711.DecodeALaw(0xAA));
        Assert.Equal(8, G711.DecodeALaw(G711.ALawSilence));
    }

    [Fact]
    public void The_nearest_code_is_taken_for_every_sample()
    {
        for (var sample = -32768; sample <= 32767; sample += 7)
        {
            var mu = Math.Abs(G711.DecodeMuLaw(G711.EncodeMuLaw((short)sample)) - sample);
            var a = Math.Abs(G711.DecodeALaw(G711.EncodeALaw((short)sample)) - sample);
            // Half a step: 1/32 of the value, and the smallest steps of 8 and 16.
            Assert.True(mu <= Math.Abs(sample) / 32 + 8 || Math.Abs(sample) > 32124, $"{sample}");
            Assert.True(a <= Math.Abs(sample) / 32 + 8 || Math.Abs(sample) > 32256, $"{sample}");
        }
    }

    private static short[] Tone(double hertz, int rate, double seconds) =>
        [.. Enumerable.Range(0, (int)(rate * seconds)).Select(i => (short)(10_000 * Math.Sin(2 * Math.PI * hertz * i / rate)))];

    private static double Level(short[] samples) => Math.Sqrt(samples.Skip(200).SkipLast(200).Average(s => (double)s * s)) * Math.Sqrt(2) / 10_000;

    [Fact]
    public void Resampling_keeps_speech_and_removes_what_would_alias()
    {
        Assert.InRange(Level(Resampler.Resample(Tone(300, 22050, 0.5), 22050, 8000, 3700)), 0.99, 1.01);
        Assert.InRange(Level(Resampler.Resample(Tone(3000, 22050, 0.5), 22050, 8000, 3700)), 0.98, 1.02);
        Assert.InRange(Level(Resampler.Resample(Tone(4300, 22050, 0.5), 22050, 8000, 3700)), 0, 0.003);
        Assert.InRange(Level(Resampler.Resample(Tone(7500, 22050, 0.5), 22050, 8000, 3700)), 0, 0.001);
        Assert.Equal(4000, Resampler.Resample(Tone(300, 22050, 0.5), 22050, 8000, 3700).Length);
    }

    [Fact]
    public void A_wav_file_is_read_back_and_a_broken_one_refused()
    {
        var file = new WavFile { SampleRate = 8000, Samples = [1, -2, 3] }.ToBytes();
        Assert.Equal(WavRejection.None, WavFile.TryRead(file, out var wav));
        Assert.Equal([1, -2, 3], wav!.Samples);

        file[43] = 0x7F; // A stream says that it is endless.
        Assert.Equal(WavRejection.None, WavFile.TryRead(file, out wav));
        Assert.Equal(3, wav!.Samples.Length);

        for (var length = 0; length < 46; length++) Assert.NotEqual(WavRejection.None, WavFile.TryRead(file.AsSpan(0, length), out _));
        file[22] = 2;
        Assert.Equal(WavRejection.NotMono, WavFile.TryRead(file, out _));
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var broken = (byte[])file.Clone();
            for (var n = 0; n < 4; n++) broken[random.Next(12, broken.Length)] = (byte)random.Next(256);
            WavFile.TryRead(broken, out _);
        }
    }

    internal static string Repository => FindUp(AppContext.BaseDirectory);

    private static string FindUp(string folder) =>
        File.Exists(Path.Combine(folder, "IvrActors.slnx")) ? folder : FindUp(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("no repository"));

    /// <param name="rendered">Folder for rendered speech; null: none is kept.</param>
    internal static PromptStore Prompts(string? rendered = null) => new(
        Path.Combine(Repository, "flows", "prompts"),
        new SpeechRenderer(new SpeechOptions { CacheKey = rendered is null ? null : new Secret<byte>(new byte[32]) }, rendered ?? "", TimeProvider.System));

    [Fact]
    public void Every_prompt_of_the_vocabulary_is_there_and_can_be_heard()
    {
        var prompts = Prompts();
        var lines = File.ReadAllLines(Path.Combine(Repository, "flows", "prompts", "en", "prompts.tsv")).Select(l => l.Split('\t')).ToList();
        Assert.True(lines.Count > 100);
        Assert.Equal(lines.Count, lines.Select(l => l[0]).Distinct().Count());
        foreach (var line in lines)
        {
            Assert.True(prompts.Contains(line[0]), line[0]);
            Assert.True(prompts.TryCover(line[1].ToUpperInvariant(), out var ids), line[1]);
            Assert.Single(ids);
            var audio = new List<PromptAudio>();
            prompts.Resolve(new PromptPart { Prompt = line[0] }, audio);
            var loudest = 0;
            foreach (var code in audio[0].Bytes(aLaw: false)) loudest = Math.Max(loudest, Math.Abs((int)G711.DecodeMuLaw(code)));
            Assert.True(loudest > 15_000 && audio[0].Bytes(aLaw: false).Length > 2000, line[0]);
            Assert.Equal(audio[0].Bytes(aLaw: false).Length, audio[0].Bytes(aLaw: true).Length);
        }
    }

    [Fact]
    public void Text_is_covered_by_the_longest_phrases()
    {
        var prompts = Prompts();
        Assert.True(prompts.TryCover("your balance is: Twenty-first, forty TWO dollars and five cents!", out var ids));
        Assert.Equal(["your-balance-is", "ordinal/21", "number/40", "number/2", "currency/dollars", "and", "number/5", "currency/cents"], ids);
        Assert.False(prompts.TryCover("your balance is enormous", out ids));
        Assert.Empty(ids);
        Assert.False(prompts.TryCover("", out _));
        Assert.False(prompts.TryCover(" ?!", out _));
        Assert.False(prompts.TryCover(new string('a', 100_000), out _));
    }

    [Fact]
    public async Task Unknown_text_is_rendered_cached_and_heard()
    {
        var folder = Path.Combine(Path.GetTempPath(), "ivr-rendered-" + Guid.NewGuid().ToString("N"));
        try
        {
            var prompts = Prompts(folder);
            if (!prompts.CanRender) Skip("espeak-ng is not installed");
            Assert.True(await prompts.PrepareAsync("--version; $(touch x) `ls` this is no option"));
            Assert.Single(Directory.GetFiles(folder, "*.speech"));
            var audio = new List<PromptAudio>();
            prompts.Resolve(new PromptPart { Text = "--version; $(touch x) `ls` this is no option" }, audio);
            Assert.True(Assert.Single(audio).Bytes(aLaw: true).Length > 8000);

            // The cache alone serves it the next time, in milliseconds.
            var again = Prompts(folder);
            var start = Stopwatch.GetTimestamp();
            Assert.True(await again.PrepareAsync("--version; $(touch x) `ls` this is no option"));
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    internal static void Skip(string reason)
    {
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", reason);
        Assert.Skip(reason);
    }

    [Theory]
    [InlineData(500, 4000)]
    [InlineData(1230, 9760)]
    [InlineData(10_000, 80_000)]
    [InlineData(3_600_000, 80_000)]
    public void A_pause_is_silence_of_that_length_in_whole_frames_and_of_ten_seconds_at_most(int milliseconds, int samples)
    {
        var audio = new List<PromptAudio>();
        Prompts().Resolve(new PromptPart { Pause = TimeSpan.FromMilliseconds(milliseconds) }, audio);
        Assert.Equal(samples, audio.Sum(a => a.Bytes(aLaw: true).Length));
        Assert.All(audio, a => Assert.All(a.Bytes(aLaw: true).ToArray(), b => Assert.Equal(G711.ALawSilence, b)));
    }

    [Fact]
    public void A_prompt_of_one_gain_is_made_once_for_all_calls()
    {
        var prompts = Prompts();
        var audio = new List<PromptAudio>();
        foreach (var gain in new[] { -6, -6, 0, 0, 3 }) prompts.Resolve(new PromptPart { Prompt = "welcome", Gain = gain }, audio);
        Assert.Equal((true, false, true, false), (ReferenceEquals(audio[0], audio[1]), ReferenceEquals(audio[1], audio[2]), ReferenceEquals(audio[2], audio[3]), ReferenceEquals(audio[3], audio[4])));
        Assert.All(audio, a => Assert.Equal(audio[2].Bytes(aLaw: false).Length, a.Bytes(aLaw: false).Length));
    }

    [Fact]
    public void There_is_music_for_holding_also_where_none_is_recorded()
    {
        var audio = new List<PromptAudio>();
        var prompts = Prompts();
        Assert.True(prompts.Contains("hold-music"));
        prompts.Resolve(new PromptPart { Prompt = "hold-music" }, audio);
        Assert.Same(HoldMusic.Audio, Assert.Single(audio));
    }

    [Fact]
    public void What_cannot_be_spoken_is_skipped_and_counted()
    {
        var prompts = Prompts();
        var audio = new List<PromptAudio>();
        prompts.Resolve(new PromptPart { Prompt = "no/such" }, audio);
        prompts.Resolve(new PromptPart { Prompt = "../../../etc/passwd" }, audio);
        prompts.Resolve(new PromptPart { Text = "" }, audio);
        prompts.Resolve(new PromptPart(), audio);
        Assert.Empty(audio);
        Assert.Equal(4, prompts.Skipped);
    }
}
