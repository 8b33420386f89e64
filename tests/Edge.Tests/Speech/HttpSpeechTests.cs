using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Media;
using IvrActors.Edge.Speech;
using IvrActors.Edge.Tests.Media;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Flows;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Speech;

public sealed class HttpSpeechTests
{
    private const string Text = "dear \"mrs\" müller,\nyour card was sent";

    private static SpeechOptions Options(Uri address, string? token = null, int mostBytes = 64 * 1024, TimeSpan? timeout = null) => new()
    {
        Engine = SpeechEngine.Http,
        Address = address,
        Token = token is null ? null : new Secret<char>(token.ToCharArray()),
        Voices = new Dictionary<string, string> { ["en"] = "nova" },
        MostBytes = mostBytes,
        Timeout = timeout ?? TimeSpan.FromSeconds(30),
        AtOnce = 2,
    };

    private static async Task<SpeechAnswer> Ask(RequestDelegate answer, int mostBytes = 64 * 1024)
    {
        await using var service = await SpeechService.StartAsync(answer);
        using var speech = new HttpSpeech(Options(service.Address, mostBytes: mostBytes), TimeProvider.System);
        return await speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_request_is_the_documented_one_and_its_audio_is_spoken()
    {
        string request = "", body = "";
        await using var service = await SpeechService.StartAsync(async http =>
        {
            request = $"{http.Request.Method} {http.Request.Path} {http.Request.ContentType} {http.Request.Headers.Accept} {http.Request.Headers.Authorization}";
            body = await new StreamReader(http.Request.Body).ReadToEndAsync(http.RequestAborted);
            await SpeechService.Say(http, SpeechService.Wav());
        });
        using var speech = new HttpSpeech(Options(service.Address, "t0ken"), TimeProvider.System);
        var answer = await speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken);
        Assert.Equal("POST /v1/say application/json audio/wav Bearer t0ken", request);
        Assert.Equal("""{"text":"dear \u0022mrs\u0022 m\u00FCller,\nyour card was sent","language":"en","voice":"nova","format":"audio/wav","sample_rate":8000}""", body);
        Assert.Equal((SpeechFailure.None, 800), (answer.Failure, answer.Audio!.Samples.Length));
    }

    [Fact]
    public async Task An_answer_of_unknown_length_is_taken()
    {
        var streamed = SpeechService.Wav();
        BinaryPrimitives.WriteUInt32LittleEndian(streamed.AsSpan(4), uint.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(streamed.AsSpan(40), uint.MaxValue);
        var answer = await Ask(async http =>
        {
            http.Response.ContentType = "audio/x-wav";
            await http.Response.Body.WriteAsync(streamed, http.RequestAborted);
        });
        Assert.Equal(800, answer.Audio!.Samples.Length);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(204)]
    public async Task Another_status_is_a_refusal(int status)
    {
        var asked = 0;
        var answer = await Ask(http =>
        {
            asked++;
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        Assert.Equal((SpeechFailure.Refused, 1), (answer.Failure, asked));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed(int status)
    {
        var paths = new List<string>();
        var answer = await Ask(http =>
        {
            paths.Add(http.Request.Path);
            if (http.Request.Path == "/elsewhere") return SpeechService.Say(http, SpeechService.Wav());
            http.Response.StatusCode = status;
            http.Response.Headers.Location = "/elsewhere";
            return Task.CompletedTask;
        });
        Assert.Equal(SpeechFailure.Redirected, answer.Failure);
        Assert.Equal(["/v1/say"], paths);
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("application/json")]
    [InlineData("audio/mpeg")]
    [InlineData("")]
    public async Task Another_type_is_not_played(string type)
    {
        Assert.Equal(SpeechFailure.WrongType, (await Ask(http => SpeechService.Say(http, SpeechService.Wav(), type))).Failure);
    }

    [Fact]
    public async Task What_is_no_wav_file_is_not_played()
    {
        Assert.Equal(SpeechFailure.Malformed, (await Ask(http => SpeechService.Say(http, "<html>"u8.ToArray()))).Failure);
        Assert.Equal(SpeechFailure.Malformed, (await Ask(http => SpeechService.Say(http, []))).Failure);
        var stereo = SpeechService.Wav();
        stereo[22] = 2;
        Assert.Equal(SpeechFailure.Malformed, (await Ask(http => SpeechService.Say(http, stereo))).Failure);
    }

    [Fact]
    public async Task An_answer_that_announces_too_much_is_not_read()
    {
        var answer = await Ask(
            async http =>
            {
                http.Response.ContentType = "audio/wav";
                http.Response.ContentLength = 1L << 40;
                await http.Response.Body.WriteAsync(SpeechService.Wav(), http.RequestAborted);
            },
            mostBytes: 4096);
        Assert.Equal(SpeechFailure.TooLong, answer.Failure);
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_cut_off()
    {
        var cutOff = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var service = await SpeechService.StartAsync(async http =>
        {
            http.Response.ContentType = "audio/wav";
            var block = new byte[16 * 1024];
            while (!http.RequestAborted.IsCancellationRequested) await http.Response.Body.WriteAsync(block);
            cutOff.SetResult();
        });
        using var speech = new HttpSpeech(Options(service.Address, mostBytes: 100_000), TimeProvider.System);
        Assert.Equal(SpeechFailure.TooLong, (await speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken)).Failure);
        await cutOff.Task;
    }

    [Fact]
    public async Task A_connection_that_breaks_off_is_a_failure()
    {
        var answer = await Ask(async http =>
        {
            http.Response.ContentType = "audio/wav";
            http.Response.ContentLength = 100_000;
            await http.Response.Body.WriteAsync(SpeechService.Wav());
            await http.Response.Body.FlushAsync();
            http.Abort();
        }, mostBytes: 200_000);
        Assert.Contains(answer.Failure, new[] { SpeechFailure.Truncated, SpeechFailure.Unreachable });
        Assert.Null(answer.Audio);
    }

    [Fact]
    public async Task Audio_that_is_shorter_than_it_announces_is_a_failure()
    {
        Assert.Equal(SpeechFailure.Truncated, (await Ask(http => SpeechService.Say(http, SpeechService.Wav()[..1000]))).Failure);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_service_that_does_not_answer_in_time_is_given_up(bool headersCame)
    {
        var time = new FakeTimeProvider();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var service = await SpeechService.StartAsync(async http =>
        {
            if (headersCame)
            {
                http.Response.ContentType = "audio/wav";
                await http.Response.Body.WriteAsync(SpeechService.Wav().AsMemory(0, 100));
                await http.Response.Body.FlushAsync();
            }
            reached.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        using var speech = new HttpSpeech(Options(service.Address, timeout: TimeSpan.FromSeconds(5)), time);
        var answer = speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken);
        await reached.Task;
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(answer.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(SpeechFailure.TimedOut, (await answer).Failure);
    }

    [Fact]
    public async Task Nobody_at_the_address_is_a_failure()
    {
        var service = await SpeechService.StartAsync(_ => Task.CompletedTask);
        var address = service.Address;
        await service.DisposeAsync();
        using var speech = new HttpSpeech(Options(address), TimeProvider.System);
        Assert.Equal(SpeechFailure.Unreachable, (await speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken)).Failure);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_not_asked()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var asked = false;
        await using var service = await SpeechService.StartAsync(
            http =>
            {
                asked = true;
                return SpeechService.Say(http, SpeechService.Wav());
            },
            own);
        using var speech = new HttpSpeech(Options(service.Address), TimeProvider.System);
        Assert.Equal(SpeechFailure.Unreachable, (await speech.RenderAsync(Text, "en", TestContext.Current.CancellationToken)).Failure);
        Assert.False(asked);
    }

    [Fact]
    public async Task A_text_that_cannot_be_rendered_is_skipped_for_a_while_and_then_tried_again_and_never_logged()
    {
        var time = new FakeTimeProvider();
        var log = new Lines();
        var asked = 0;
        var broken = true;
        await using var service = await SpeechService.StartAsync(http =>
        {
            asked++;
            return broken ? SpeechService.Say(http, "oops"u8.ToArray(), "text/plain") : SpeechService.Say(http, SpeechService.Wav());
        });
        var options = Options(service.Address);
        using var provider = new HttpSpeech(options, TimeProvider.System);
        using var renderer = new SpeechRenderer(provider, options, "", time, log);
        var prompts = new PromptStore(Path.Combine(AudioTests.Repository, "flows", "prompts"), renderer);

        Assert.False(await prompts.PrepareAsync(Text));
        Assert.False(await prompts.PrepareAsync(Text));
        Assert.Equal(1, asked);
        Assert.Equal(["a text was not rendered by http: WrongType"], log.Written);

        // The call goes on: what cannot be spoken takes none of its time.
        var player = new Player();
        var audio = new List<PromptAudio>();
        prompts.Resolve(new PromptPart { Text = Text }, audio);
        player.Enqueue(audio, 1);
        var events = new List<PlayEvent>();
        Assert.False(player.Fill(new byte[160], aLaw: false, events));
        Assert.Equal([new PlayEvent(1, false), new PlayEvent(1, true)], events);

        broken = false;
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.True(await prompts.PrepareAsync(Text));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_text_is_rendered_once_for_all_calls_and_kept_over_a_restart()
    {
        var folder = Path.Combine(Path.GetTempPath(), "ivr-speech-" + Guid.NewGuid().ToString("N"));
        try
        {
            var asked = 0;
            await using var service = await SpeechService.StartAsync(http =>
            {
                Interlocked.Increment(ref asked);
                return SpeechService.Say(http, SpeechService.Wav());
            });
            for (var start = 0; start < 2; start++)
            {
                var options = new SpeechOptions { Engine = SpeechEngine.Http, Address = service.Address, CacheKey = new Secret<byte>(new byte[32]) };
                using var renderer = new SpeechRenderer(options, folder, TimeProvider.System);
                var prompts = new PromptStore(Path.Combine(AudioTests.Repository, "flows", "prompts"), renderer);
                Assert.True(prompts.CanRender);
                Assert.All(await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => prompts.PrepareAsync(Text))), Assert.True);
                var audio = new List<PromptAudio>();
                prompts.Resolve(new PromptPart { Text = Text }, audio);
                Assert.Equal(800, Assert.Single(audio).Bytes(aLaw: false).Length);
            }
            Assert.Equal(1, asked);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task No_more_texts_are_rendered_at_once_than_allowed()
    {
        var (now, most) = (0, 0);
        var gate = new SemaphoreSlim(0);
        var twoThere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var provider = new Stub(async () =>
        {
            var count = Interlocked.Increment(ref now);
            most = Math.Max(most, count);
            if (count == 2) twoThere.TrySetResult();
            await gate.WaitAsync();
            Interlocked.Decrement(ref now);
            return new WavFile { SampleRate = 8000, Samples = [1] };
        });
        using var renderer = new SpeechRenderer(provider, new SpeechOptions { AtOnce = 2 }, "", TimeProvider.System);
        var all = Enumerable.Range(0, 8).Select(i => renderer.RenderAsync($"text {i}", "en", TestContext.Current.CancellationToken)).ToList();
        await twoThere.Task;
        gate.Release(8);
        await Task.WhenAll(all);
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task Speech_of_any_loudness_and_rate_is_brought_to_that_of_the_recordings_but_silence_is_not_made_noise()
    {
        async Task<short[]> Render(int rate, short amplitude)
        {
            var samples = Enumerable.Range(0, rate).Select(i => (short)(amplitude * Math.Sin(2 * Math.PI * 500 * i / rate))).ToArray();
            var provider = new Stub(() => Task.FromResult<SpeechAnswer>(new WavFile { SampleRate = rate, Samples = samples }));
            using var renderer = new SpeechRenderer(provider, new SpeechOptions(), "", TimeProvider.System);
            return (await renderer.RenderAsync("text", "en", TestContext.Current.CancellationToken))!;
        }

        foreach (var (rate, amplitude) in new[] { (8000, 30000), (24000, 5000), (48000, 32000) })
        {
            var heard = await Render(rate, (short)amplitude);
            Assert.InRange(heard.Length, 7990, 8010);
            Assert.InRange(heard.Max(), 22000, 24000);
        }
        Assert.InRange((await Render(8000, 3)).Max(), 0, 30);
    }

    [Fact]
    public async Task Speech_of_minutes_is_no_prompt()
    {
        var provider = new Stub(() => Task.FromResult<SpeechAnswer>(new WavFile { SampleRate = 8000, Samples = new short[8000 * 121] }));
        using var renderer = new SpeechRenderer(provider, new SpeechOptions(), "", TimeProvider.System);
        Assert.Null(await renderer.RenderAsync("text", "en", TestContext.Current.CancellationToken));
    }

    private sealed class Stub(Func<Task<SpeechAnswer>> answer) : ISpeechProvider
    {
        public string Name => "stub";

        public bool IsAvailable => true;

        public string VoiceOf(string language) => "stub";

        public Task<SpeechAnswer> RenderAsync(string text, string language, CancellationToken cancellation) => answer();
    }

    private sealed class Lines : ILogger
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}
