using System.Security.Cryptography;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Silo.Hosting;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

/// <summary>The edge's files as the dashboard of the same machine sees them.</summary>
public sealed class RecordingFilesTests
{
    private static readonly byte[] s_key = RandomNumberGenerator.GetBytes(RecordingCipher.KeySize);

    [Fact]
    public void A_recording_is_found_by_its_name_and_played_and_shown_with_its_key()
    {
        using var folder = new TestFolder();
        Write(folder, "rec-1", final: true);
        using var file = new RecordingFiles(folder).Open(new RecordingId("rec-1"));
        Assert.Equal([1, 2, 3], file!.WrappedKey);
        file.Unlock(s_key);
        var outline = file.Outline(10);
        Assert.Equal((1.0, null), (outline.Seconds, outline.Warning));
        Assert.Equal([0.0, 1.0], Assert.Single(outline.Secret));
        using var audio = file.Play();
        Assert.Equal(44 + 32000, audio.Length);
        audio.ReadExactly(new byte[audio.Length]);
    }

    [Fact]
    public void One_that_was_cut_short_says_so_and_one_with_another_key_that_it_was_altered()
    {
        using var folder = new TestFolder();
        Write(folder, "rec-1", final: false);
        using var file = new RecordingFiles(folder).Open(new RecordingId("rec-1"));
        file!.Unlock(s_key);
        Assert.StartsWith("It was cut short", file.Outline(10).Warning, StringComparison.Ordinal);
        file.Unlock(RandomNumberGenerator.GetBytes(RecordingCipher.KeySize));
        Assert.StartsWith("It is damaged", file.Outline(10).Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_is_no_recording_or_leads_out_of_the_folder_is_not_opened()
    {
        using var folder = new TestFolder();
        var inner = Directory.CreateDirectory(Path.Combine(folder, "recordings")).FullName;
        Write(folder, "rec-1", final: true);
        File.WriteAllText(Path.Combine(inner, "rec-2.ivrrec"), "no recording");
        var files = new RecordingFiles(inner);
        foreach (var name in new[] { "rec-2", "rec-3", "../rec-1", "rec-../../rec-1", "" }) Assert.Null(files.Open(new RecordingId(name)));
        Assert.Null(new RecordingFiles(Path.Combine(folder, "none")).Open(new RecordingId("rec-1")));
    }

    private static void Write(string folder, string name, bool final)
    {
        var header = new RecordingHeader { Recording = new RecordingId(name), ALaw = false, Start = DateTimeOffset.UnixEpoch, WrappedKey = [1, 2, 3] }.ToBytes();
        using var cipher = new RecordingCipher(s_key, header);
        var chunk = new byte[RecordingCipher.MostChunk];
        using var file = File.Create(Path.Combine(folder, name + ".ivrrec"));
        file.Write(header);
        file.Write(chunk.AsSpan(0, cipher.Seal(0, ChunkFlags.Secret, new byte[RecordingCipher.MostAudio], chunk)));
        if (final) file.Write(chunk.AsSpan(0, cipher.Seal(1, ChunkFlags.Final, default, chunk)));
    }
}
