using IvrActors.Edge.Media;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces.Flows;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Rendered texts in memory: never too many, and never the wrong ones.</summary>
public sealed class PromptStoreTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly SpeechRenderer _renderer;
    private readonly List<string> _asked = [];
    private TaskCompletionSource? _gate;

    public PromptStoreTests() => _renderer = new SpeechRenderer(new Stub(this), new SpeechOptions { AtOnce = 1000 }, "", _time);

    public void Dispose() => _renderer.Dispose();

    private PromptStore Store(long mostBytes) => new("", _renderer) { MostRenderedBytes = mostBytes };

    private async Task Say(PromptStore store, params string[] texts)
    {
        foreach (var text in texts)
        {
            await store.PrepareAsync(text);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>Which of these texts are rendered anew when they are said.</summary>
    private async Task<string> Anew(PromptStore store, params string[] texts)
    {
        _asked.Clear();
        await Say(store, texts);
        return string.Join(' ', _asked);
    }

    [Fact]
    public async Task When_the_memory_is_full_what_was_not_used_for_longest_goes()
    {
        var store = Store(mostBytes: 3000);
        await Say(store, "a", "b", "c", "a");
        Assert.Equal("d", await Anew(store, "d"));
        Assert.Equal("b", await Anew(store, "a", "d", "b"));
        Assert.Equal("c", await Anew(store, "d", "b", "c"));
    }

    [Fact]
    public async Task What_could_not_be_rendered_goes_first_and_then_the_texts_of_the_oldest_use()
    {
        var store = Store(mostBytes: long.MaxValue);
        await Say(store, [.. Enumerable.Range(0, PromptStore.MostRendered - 1).Select(i => $"text {i}"), "bad"]);
        Assert.Equal("next", await Anew(store, "next"));
        Assert.Equal("bad", await Anew(store, "text 0", "bad"));
        Assert.Equal("text 1", await Anew(store, "text 2", "text 1"));
    }

    [Fact]
    public async Task What_is_being_rendered_stays_and_while_that_is_all_there_is_a_new_text_is_skipped()
    {
        var store = Store(mostBytes: long.MaxValue);
        _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var all = Enumerable.Range(0, PromptStore.MostRendered).Select(i => store.PrepareAsync($"text {i}")).ToList();
        Assert.False(await store.PrepareAsync("one more"));
        var audio = new List<PromptAudio>();
        store.Resolve(new PromptPart { Text = "text 0" }, audio);
        Assert.True(Assert.Single(audio).IsPending);
        _gate.SetResult();
        Assert.All(await Task.WhenAll(all), Assert.True);
        Assert.True(await store.PrepareAsync("one more"));
        Assert.True(audio[0].IsReady);
    }

    /// <summary>Renders half a thousand samples of whatever is not bad, and once the gate is open.</summary>
    private sealed class Stub(PromptStoreTests tests) : ISpeechProvider
    {
        public string Name => "stub";

        public bool IsAvailable => true;

        public string VoiceOf(string language) => "stub";

        public async Task<SpeechAnswer> RenderAsync(string text, string language, CancellationToken cancellation)
        {
            lock (tests._asked) tests._asked.Add(text);
            if (tests._gate is { } gate) await gate.Task.WaitAsync(cancellation);
            return text.StartsWith("bad", StringComparison.Ordinal) ? SpeechFailure.WrongType : new WavFile { SampleRate = 8000, Samples = new short[500] };
        }
    }
}
