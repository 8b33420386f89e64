using System.Text;
using IvrActors.Edge.Speech;
using IvrActors.Grains.Interfaces;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Speech;

public sealed class SpeechCacheTests : IDisposable
{
    private const string Text = "dear mrs miller, your card was sent";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), "ivr-speech-" + Guid.NewGuid().ToString("N"));
    private readonly FakeTimeProvider _time = new();

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private SpeechCache Cache(byte key = 1, long most = 1 << 20) => new(_folder, new Secret<byte>(Enumerable.Repeat(key, 32).ToArray()), most, _time);

    private static short[] Tone(int length = 800) => [.. Enumerable.Range(0, length).Select(i => (short)(i * 37))];

    [Fact]
    public void What_was_kept_is_given_out_to_another_process_of_the_cluster()
    {
        using (var cache = Cache()) cache.Write("voice", "en", Text, Tone());
        using var again = Cache();
        Assert.Equal(Tone(), again.Read("voice", "en", Text));
        Assert.Null(again.Read("another voice", "en", Text));
        Assert.Null(again.Read("voice", "de", Text));
        Assert.Null(again.Read("voice", "en", Text + "."));
    }

    [Fact]
    public void Neither_a_file_nor_its_name_tells_the_text_or_the_audio()
    {
        using var cache = Cache();
        cache.Write("voice", "en", Text, new short[800]);
        var file = Assert.Single(Directory.GetFiles(_folder));
        var bytes = File.ReadAllBytes(file);
        Assert.DoesNotContain("miller", Encoding.Latin1.GetString(bytes), StringComparison.OrdinalIgnoreCase);
        // Silence would show as a run of one byte.
        Assert.True(bytes.AsSpan(17, 1600).IndexOf(new byte[8]) < 0);
        using var other = Cache(key: 2);
        other.Write("voice", "en", Text, new short[800]);
        // Who knows the text, but not the key, does not find it by its name.
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(10)]
    [InlineData(500)]
    [InlineData(-1)]
    public void A_file_that_was_altered_is_as_if_it_were_not_there(int at)
    {
        using var cache = Cache();
        cache.Write("voice", "en", Text, Tone());
        var file = Assert.Single(Directory.GetFiles(_folder));
        var bytes = File.ReadAllBytes(file);
        bytes[at < 0 ? ^1 : at] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Null(cache.Read("voice", "en", Text));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_does_not_speak_under_the_name_of_another()
    {
        using var cache = Cache();
        cache.Write("voice", "en", "your card is blocked", Tone());
        var blocked = Assert.Single(Directory.GetFiles(_folder));
        cache.Write("voice", "en", Text, Tone(400));
        var sent = Assert.Single(Directory.GetFiles(_folder), file => file != blocked);
        File.Copy(blocked, sent, overwrite: true);
        Assert.Null(cache.Read("voice", "en", Text));
        Assert.Equal(Tone(), cache.Read("voice", "en", "your card is blocked"));
    }

    [Fact]
    public void A_file_that_was_cut_short_or_is_empty_is_as_if_it_were_not_there()
    {
        using var cache = Cache();
        foreach (var length in new[] { 0, 4, 20, 33, 100, 1600 })
        {
            cache.Write("voice", "en", Text, Tone());
            var file = Assert.Single(Directory.GetFiles(_folder));
            File.WriteAllBytes(file, File.ReadAllBytes(file)[..length]);
            Assert.Null(cache.Read("voice", "en", Text));
        }
    }

    [Fact]
    public void Room_is_made_by_what_was_not_used_for_longest()
    {
        // 1633 bytes a file.
        using var cache = Cache(most: 5 * 1633);
        for (var i = 0; i < 5; i++)
        {
            cache.Write("voice", "en", $"text {i}", Tone());
            _time.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.NotNull(cache.Read("voice", "en", "text 0"));
        _time.Advance(TimeSpan.FromMinutes(1));
        cache.Write("voice", "en", "text 5", Tone());
        Assert.Equal([0, 3, 4, 5], Enumerable.Range(0, 6).Where(i => cache.Read("voice", "en", $"text {i}") is not null));
    }

    [Fact]
    public void What_is_larger_than_all_the_room_is_not_kept()
    {
        using var cache = Cache(most: 1000);
        cache.Write("voice", "en", Text, Tone());
        Assert.Null(cache.Read("voice", "en", Text));
    }

    [Fact]
    public void A_file_that_is_longer_than_any_speech_is_as_if_it_were_not_there()
    {
        using var cache = Cache(most: 1 << 30);
        cache.Write("voice", "en", Text, new short[120 * 8000]);
        Assert.Equal(120 * 8000, cache.Read("voice", "en", Text)!.Length);
        cache.Write("voice", "en", Text, new short[120 * 8000 + 1]);
        Assert.Null(cache.Read("voice", "en", Text));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void What_earlier_versions_kept_in_clear_is_removed_also_when_nothing_is_rendered_any_longer()
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, "0123.wav"), "");
        using var renderer = new SpeechRenderer(new SpeechOptions { Engine = SpeechEngine.Off, CacheKey = new Secret<byte>(new byte[32]) }, _folder, _time);
        Assert.False(renderer.IsAvailable);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void What_earlier_versions_kept_in_clear_is_removed()
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, "0123.wav"), "");
        File.WriteAllText(Path.Combine(_folder, "0123.wav.77.partial"), "");
        using (var cache = Cache()) cache.Write("voice", "en", Text, Tone());
        SpeechCache.RemoveClear(_folder);
        Assert.EndsWith(".speech", Assert.Single(Directory.GetFiles(_folder)), StringComparison.Ordinal);
    }
}
