using System.Collections.Concurrent;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Media;

/// <summary>
/// The recorded prompts of a folder, loaded once and encoded for both codecs, and the ones that are rendered from text. What cannot be spoken
/// is left out and counted, never thrown.
/// </summary>
public sealed class PromptStore : IPromptCatalogue
{
    /// <summary>Rendered texts held in memory; for more, those go that were not used for longest. Flow documents have fewer, but each version of them has its own.</summary>
    public const int MostRendered = 2000;

    /// <summary>Bytes of rendered speech held in memory, in both codecs: five hours of it.</summary>
    internal long MostRenderedBytes { get; init; } = 288L * 1024 * 1024;

    /// <summary>Longest pause within a prompt.</summary>
    internal static readonly TimeSpan MostPause = TimeSpan.FromSeconds(10);

    private static readonly (int Frames, PromptAudio Audio)[] s_silences = [.. new[] { 50, 5, 1 }.Select(frames => (frames, PromptAudio.FromLinear(new short[frames * Telephone.FrameSamples])))];

    private const string Language = "en";

    /// <summary>How long a text that could not be rendered is not tried again: calls skip it at once, and an engine in trouble is not asked by each of them.</summary>
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, PromptAudio> _recorded = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Rendering> _rendered = new(StringComparer.Ordinal);
    private readonly Vocabulary _vocabulary = new();
    private readonly SpeechRenderer _speech;
    private long _renderedBytes;

    /// <summary>Loads <paramref name="promptFolder"/>/en: all WAV files (the id is the path without ending) and the vocabulary in prompts.tsv.</summary>
    /// <exception cref="InvalidDataException">A file is no WAV file that can be played, or prompts.tsv names one that is not there.</exception>
    public PromptStore(string promptFolder, SpeechRenderer speech)
    {
        _speech = speech;
        var folder = Path.Combine(promptFolder, Language);
        if (!Directory.Exists(folder)) return;
        foreach (var file in Directory.EnumerateFiles(folder, "*.wav", SearchOption.AllDirectories))
        {
            var id = Path.ChangeExtension(Path.GetRelativePath(folder, file), null).Replace('\\', '/');
            var rejection = WavFile.TryRead(File.ReadAllBytes(file), out var wav);
            if (rejection != WavRejection.None) throw new InvalidDataException($"prompt {file}: {rejection}");
            _recorded[id] = PromptAudio.FromLinear(wav!.ToTelephoneRate().Samples);
        }
        _recorded.TryAdd(HoldMusic.Id, HoldMusic.Audio);
        _recorded.TryAdd(WaitingTone.Id, WaitingTone.Audio);
        LoadVocabulary(Path.Combine(folder, "prompts.tsv"));
    }

    /// <summary>Parts that could not be spoken since the start.</summary>
    public long Skipped => Interlocked.Read(ref _skipped);

    private long _skipped;

    public bool CanRender => _speech.IsAvailable;

    public bool Contains(string promptId) => _recorded.ContainsKey(promptId);

    public bool TryCover(string text, out IReadOnlyList<string> promptIds) => _vocabulary.TryCover(text, out promptIds);

    /// <summary>The audio of one part, appended to <paramref name="audio"/>. Text that was never rendered is rendered in the background meanwhile.</summary>
    public void Resolve(PromptPart part, List<PromptAudio> audio)
    {
        if (part.Prompt is { } id && _recorded.TryGetValue(id, out var recorded))
        {
            audio.Add(recorded.WithGain(part.Gain));
        }
        else if (part.Text is { } text && TryCover(text, out var ids))
        {
            foreach (var covered in ids) audio.Add(_recorded[covered].WithGain(part.Gain));
        }
        else if (part.Text is { Length: > 0 and <= Vocabulary.MostText } unknown && Render(unknown) is { } rendering)
        {
            audio.Add(rendering.Audio.WithGain(part.Gain));
        }
        else if (part is { Prompt: null, Text: null, Pause.Ticks: > 0 })
        {
            AddSilence(part.Pause, audio);
        }
        else
        {
            CountSkipped();
            MediaMetrics.SkippedPrompts.Inc();
        }
    }

    /// <summary>Renders these texts before they are needed: a flow was published or loaded. Returns at once.</summary>
    public void Prepare(IEnumerable<string> texts)
    {
        foreach (var text in texts) _ = PrepareAsync(text);
    }

    /// <summary>Renders a text before it is needed. False when it cannot be spoken.</summary>
    public async Task<bool> PrepareAsync(string text)
    {
        if (TryCover(text, out _)) return true;
        if (text.Length is 0 or > Vocabulary.MostText || Render(text) is not { } rendering) return false;
        await rendering.Done;
        return rendering.Audio.IsReady;
    }

    /// <summary>Of a few lengths that all calls share: ten seconds are ten of a second.</summary>
    private static void AddSilence(TimeSpan pause, List<PromptAudio> audio)
    {
        var frames = (int)Math.Min(pause.TotalMilliseconds, MostPause.TotalMilliseconds) / Telephone.FrameMs;
        foreach (var (size, silence) in s_silences)
            for (; frames >= size; frames -= size) audio.Add(silence);
    }

    private void CountSkipped() => Interlocked.Increment(ref _skipped);

    private Rendering? Render(string text)
    {
        var now = _speech.Time.GetTimestamp();
        if (_rendered.TryGetValue(text, out var known) && !IsDueAgain(known)) return known.Used(now);
        lock (_rendered)
        {
            if (_rendered.TryGetValue(text, out known) && !IsDueAgain(known)) return known.Used(now);
            if (known is null && !MakeRoom()) return null;
            var rendering = new Rendering(text).Used(now);
            rendering.Done = Task.Run(() => RenderAsync(text, rendering));
            return _rendered[text] = rendering;
        }
    }

    /// <summary>Lets go of what failed, then of what was not used for longest; calls that play it keep it. What is being rendered stays: its size is not known. Under the lock.</summary>
    private bool MakeRoom()
    {
        while (_rendered.Count >= MostRendered || Interlocked.Read(ref _renderedBytes) >= MostRenderedBytes)
        {
            if (_rendered.Values.Where(one => !one.Audio.IsPending).MinBy(one => (one.Audio.IsReady, one.UsedAt)) is not { } oldest) return false;
            _rendered.TryRemove(oldest.Text, out _);
            Interlocked.Add(ref _renderedBytes, -oldest.Bytes);
        }
        return true;
    }

    private bool IsDueAgain(Rendering rendering) => rendering.Audio is { IsPending: false, IsReady: false } && _speech.Time.GetElapsedTime(rendering.FailedAt) >= s_afterFailure;

    private async Task RenderAsync(string text, Rendering rendering)
    {
        short[]? samples = null;
        try
        {
            samples = await _speech.RenderAsync(text, Language, CancellationToken.None);
        }
        finally
        {
            // Whatever happened: nobody waits for it any longer.
            if (samples is null) Failed(rendering);
        }
        if (samples is null) return;
        rendering.Bytes = 2L * samples.Length;
        Interlocked.Add(ref _renderedBytes, rendering.Bytes);
        rendering.Audio.Complete(samples);
    }

    private void Failed(Rendering rendering)
    {
        rendering.FailedAt = _speech.Time.GetTimestamp();
        rendering.Audio.Fail();
        CountSkipped();
    }

    private void LoadVocabulary(string file)
    {
        if (!File.Exists(file)) return;
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            var tab = line.IndexOf('\t');
            if (tab <= 0) throw new InvalidDataException($"{file}:{number}: id, tab, text");
            if (!Contains(line[..tab])) throw new InvalidDataException($"{file}:{number}: no recorded prompt of this id");
            _vocabulary.Add(line[..tab], line[(tab + 1)..]);
        }
    }

    private sealed class Rendering(string text)
    {
        public string Text { get; } = text;

        public PromptAudio Audio { get; } = PromptAudio.Pending();

        public Task Done { get; set; } = Task.CompletedTask;

        /// <summary>Timestamp, once the audio has failed.</summary>
        public long FailedAt { get; set; }

        /// <summary>In both codecs, once the audio is ready.</summary>
        public long Bytes { get; set; }

        public long UsedAt => Volatile.Read(ref _usedAt);

        private long _usedAt;

        public Rendering Used(long now)
        {
            Volatile.Write(ref _usedAt, now);
            return this;
        }
    }
}
