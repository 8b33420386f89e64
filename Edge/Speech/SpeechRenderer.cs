using IvrActors.Edge.Media;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IvrActors.Edge.Speech;

/// <summary>Text to telephone audio: from the cache, else from the provider, of which only so many at once are asked.</summary>
public sealed partial class SpeechRenderer : IDisposable
{
    /// <summary>Longest speech of one text; 500 characters take under a minute.</summary>
    internal const int MostSeconds = 120;

    /// <summary>Peak of rendered speech, as the recorded prompts have it: -3 dB.</summary>
    private const double Peak = 0.708 * short.MaxValue;

    /// <summary>Silence is not made noise.</summary>
    private const double MostGain = 10;

    private readonly ISpeechProvider? _provider;
    private readonly SpeechCache? _cache;
    private readonly SemaphoreSlim _places;
    private readonly ILogger _log;

    public SpeechRenderer(SpeechOptions options, string folder, TimeProvider time, ILogger<SpeechRenderer>? log = null)
        : this(ProviderOf(options, time), options, folder, time, log)
    {
    }

    internal SpeechRenderer(ISpeechProvider? provider, SpeechOptions options, string folder, TimeProvider time, ILogger? log = null)
    {
        (_provider, Time, _log) = (provider, time, log ?? NullLogger.Instance);
        _places = new SemaphoreSlim(options.AtOnce);
        if (options.CacheKey is not { } key) return;
        // Also without an engine: it may be what was switched off.
        SpeechCache.RemoveClear(folder);
        if (provider is null) return;
        _cache = new SpeechCache(folder, key, options.CacheBytes, time);
    }

    /// <summary>Whether text can be rendered here at all.</summary>
    public bool IsAvailable => _provider is { IsAvailable: true };

    internal TimeProvider Time { get; }

    /// <summary>Linear samples at 8 kHz, or null when it cannot be rendered. Never throws, but for cancellation.</summary>
    public async Task<short[]?> RenderAsync(string text, string language, CancellationToken cancellation)
    {
        if (_provider is not { } provider) return null;
        var voice = provider.VoiceOf(language);
        if (_cache?.Read(voice, language, text) is { } kept)
        {
            SpeechMetrics.Texts.WithLabels(provider.Name, "kept").Inc();
            return kept;
        }
        await _places.WaitAsync(cancellation);
        try
        {
            var begin = Time.GetTimestamp();
            var answer = await provider.RenderAsync(text, language, cancellation);
            SpeechMetrics.Render.Observe(Time.GetElapsedTime(begin).TotalSeconds);
            var failure = answer.Audio is { } long_ && long_.Samples.Length > (long)MostSeconds * long_.SampleRate ? SpeechFailure.TooLong : answer.Failure;
            SpeechMetrics.Texts.WithLabels(provider.Name, SpeechMetrics.ResultOf(failure)).Inc();
            if (failure != SpeechFailure.None || answer.Audio is not { } audio)
            {
                NotRendered(_log, provider.Name, failure);
                return null;
            }
            var samples = audio.ToTelephoneRate().Samples;
            Normalize(samples);
            _cache?.Write(voice, language, text, samples);
            return samples;
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose()
    {
        _cache?.Dispose();
        (_provider as IDisposable)?.Dispose();
    }

    private static ISpeechProvider? ProviderOf(SpeechOptions options, TimeProvider time) => options.Engine switch
    {
        SpeechEngine.Http => new HttpSpeech(options, time),
        SpeechEngine.Espeak => new EspeakSpeech(options, time),
        _ => null,
    };

    private static void Normalize(short[] samples)
    {
        double peak = 1;
        foreach (var sample in samples) peak = Math.Max(peak, Math.Abs((double)sample));
        var gain = Math.Min(Peak / peak, MostGain);
        for (var i = 0; i < samples.Length; i++) samples[i] = (short)(samples[i] * gain);
    }

    /// <summary>Never the text: it may be personal.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "a text was not rendered by {Engine}: {Failure}")]
    private static partial void NotRendered(ILogger log, string engine, SpeechFailure failure);
}
