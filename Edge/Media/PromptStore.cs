using System.Collections.Concurrent;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Media;

/// <summary>
/// The recorded prompts of a folder, loaded once and encoded for both codecs, and the ones that are rendered from text. What cannot be spoken
/// is left out and counted, never thrown.
/// </summary>
public sealed class PromptStore : IPromptCatalogue
{
    /// <summary>Rendered texts held in memory. Texts come from flow documents, so there are few; more than this is a mistake, not a need.</summary>
    public const int MostRendered = 2000;

    private const string Language = "en";

    private readonly Dictionary<string, PromptAudio> _recorded = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Rendering> _rendered = new(StringComparer.Ordinal);
    private readonly Vocabulary _vocabulary = new();
    private readonly SpeechSynthesizer _synthesizer;

    /// <summary>Loads <paramref name="promptFolder"/>/en: all WAV files (the id is the path without ending) and the vocabulary in prompts.tsv.</summary>
    /// <exception cref="InvalidDataException">A file is no WAV file that can be played, or prompts.tsv names one that is not there.</exception>
    public PromptStore(string promptFolder, string renderedPromptFolder)
    {
        _synthesizer = new SpeechSynthesizer(renderedPromptFolder);
        var folder = Path.Combine(promptFolder, Language);
        if (!Directory.Exists(folder)) return;
        foreach (var file in Directory.EnumerateFiles(folder, "*.wav", SearchOption.AllDirectories))
        {
            var id = Path.ChangeExtension(Path.GetRelativePath(folder, file), null).Replace('\\', '/');
            var rejection = WavFile.TryRead(File.ReadAllBytes(file), out var wav);
            if (rejection != WavRejection.None) throw new InvalidDataException($"prompt {file}: {rejection}");
            _recorded[id] = PromptAudio.FromLinear(wav!.ToTelephoneRate().Samples);
        }
        LoadVocabulary(Path.Combine(folder, "prompts.tsv"));
    }

    /// <summary>Parts that could not be spoken since the start.</summary>
    public long Skipped => Interlocked.Read(ref _skipped);

    private long _skipped;

    public bool CanRender => _synthesizer.IsInstalled;

    public bool Contains(string promptId) => _recorded.ContainsKey(promptId);

    public bool TryCover(string text, out IReadOnlyList<string> promptIds) => _vocabulary.TryCover(text, out promptIds);

    /// <summary>The audio of one part, appended to <paramref name="audio"/>. Text that was never rendered is rendered in the background meanwhile.</summary>
    public void Resolve(PromptPart part, List<PromptAudio> audio)
    {
        if (part.Prompt is { } id && _recorded.TryGetValue(id, out var recorded))
        {
            audio.Add(recorded);
        }
        else if (part.Text is { } text && TryCover(text, out var ids))
        {
            foreach (var covered in ids) audio.Add(_recorded[covered]);
        }
        else if (part.Text is { Length: > 0 and <= Vocabulary.MostText } unknown && Render(unknown) is { } rendering)
        {
            audio.Add(rendering.Audio);
        }
        else
        {
            CountSkipped();
        }
    }

    /// <summary>Renders a text before it is needed (when a flow is loaded). False when it cannot be spoken.</summary>
    public async Task<bool> PrepareAsync(string text)
    {
        if (TryCover(text, out _)) return true;
        if (text.Length is 0 or > Vocabulary.MostText || Render(text) is not { } rendering) return false;
        await rendering.Done;
        return rendering.Audio.IsReady;
    }

    internal void CountSkipped() => Interlocked.Increment(ref _skipped);

    private Rendering? Render(string text)
    {
        if (_rendered.TryGetValue(text, out var known)) return known;
        if (_rendered.Count >= MostRendered) return null;
        lock (_rendered)
        {
            if (_rendered.TryGetValue(text, out known)) return known;
            var audio = PromptAudio.Pending();
            var rendering = new Rendering(audio, Task.Run(() => RenderAsync(text, audio)));
            _rendered[text] = rendering;
            return rendering;
        }
    }

    private async Task RenderAsync(string text, PromptAudio audio)
    {
        var samples = await _synthesizer.RenderAsync(text, CancellationToken.None);
        if (samples is not null)
        {
            audio.Complete(samples);
            return;
        }
        audio.Fail();
        CountSkipped();
        lock (_rendered) _rendered.TryRemove(text, out _); // The next call tries again: the program may be installed by then.
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

    private sealed record Rendering(PromptAudio Audio, Task Done);
}
