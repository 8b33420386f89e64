using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Recordings;
using Xunit;

namespace IvrActors.Edge.Tests.Recording;

/// <summary>A recording that is played from any place of it, and how it looks: the same as what is read from its beginning, and nothing of what was altered.</summary>
public sealed class RecordingPlaybackTests
{
    private const int WavHeader = 44;

    private static readonly byte[] s_key = RandomNumberGenerator.GetBytes(RecordingCipher.KeySize);

    private readonly RecordingHeader _header = new() { Recording = new RecordingId("rec-1"), ALaw = false, Start = DateTimeOffset.UnixEpoch, WrappedKey = [1, 2, 3] };
    private readonly Random _random = new(5);

    [Theory, InlineData(false), InlineData(true)]
    public void It_is_a_WAV_file_of_16_bits_that_is_the_same_from_wherever_it_is_read(bool aLaw)
    {
        var header = new RecordingHeader { Recording = new RecordingId("rec-1"), ALaw = aLaw, Start = DateTimeOffset.UnixEpoch, WrappedKey = [1] };
        var audio = new[] { Audio(16000), Audio(0), Audio(3200), Audio(16000), Audio(320) };
        using var stream = Play(File(header, [.. audio.Select(piece => (ChunkFlags.None, piece))]));
        var expected = audio.SelectMany(piece => piece).SelectMany(sample => BitConverter.GetBytes(aLaw ? G711.DecodeALaw(sample) : G711.DecodeMuLaw(sample))).ToArray();
        var whole = new byte[stream.Length];
        stream.ReadExactly(whole);
        Assert.Equal(-1, stream.ReadByte());
        Assert.Equal("RIFF"u8.ToArray(), whole[..4]);
        Assert.Equal((uint)expected.Length, BinaryPrimitives.ReadUInt32LittleEndian(whole.AsSpan(40)));
        Assert.Equal(expected, whole[WavHeader..]);
        for (var run = 0; run < 300; run++)
        {
            var from = _random.Next(whole.Length);
            var part = new byte[_random.Next(1, Math.Min(5000, whole.Length - from) + 1)];
            stream.Seek(from, SeekOrigin.Begin);
            stream.ReadExactly(part);
            Assert.Equal(whole[from..(from + part.Length)], part);
        }
    }

    [Fact]
    public void What_was_altered_is_not_played_and_what_comes_before_and_after_is()
    {
        var file = File(_header, [(ChunkFlags.None, Audio(16000)), (ChunkFlags.None, Audio(16000)), (ChunkFlags.None, Audio(16000))]);
        var second = _header.ToBytes().Length + RecordingCipher.MostChunk;
        file[second + RecordingCipher.HeadSize + 100] ^= 1;
        using var stream = Play(file);
        stream.ReadExactly(new byte[WavHeader + 32000]);
        Assert.Throws<InvalidDataException>(() => stream.ReadByte());
        stream.Position = WavHeader + 64000;
        stream.ReadExactly(new byte[32000]);
        Assert.Equal(RecordingCompleteness.Damaged, ShapeOf(file).End);
    }

    [Fact]
    public void One_that_was_cut_short_plays_as_far_as_it_goes_and_a_forged_end_does_not_make_it_whole()
    {
        var whole = File(_header, [(ChunkFlags.None, Audio(16000)), (ChunkFlags.None, Audio(1600))]);
        Assert.Equal(RecordingCompleteness.Complete, ShapeOf(whole).End);
        var cut = whole[..^(RecordingCipher.HeadSize + 16 + 1)];
        Assert.Equal((RecordingCompleteness.CutShort, 1.0), (ShapeOf(cut).End, ShapeOf(cut).Seconds));
        var first = _header.ToBytes().Length + RecordingCipher.MostChunk;
        byte[] forged = [.. whole[..first], 0, 0, 0, 0, 0, 0, 0, 1, (byte)ChunkFlags.Final, .. new byte[16]];
        Assert.Equal(RecordingCompleteness.Damaged, ShapeOf(forged).End);
        Assert.Equal(RecordingCompleteness.Damaged, ShapeOf(whole, RandomNumberGenerator.GetBytes(RecordingCipher.KeySize)).End);
    }

    [Fact]
    public void Its_shape_shows_who_spoke_when_and_joins_stretches_that_are_silent_for_secrets()
    {
        var (loud, silent) = (G711.EncodeMuLaw(30000), G711.MuLawSilence);
        var caller = Sides(loud, silent);
        var system = Sides(silent, loud);
        var secret = Sides(silent, silent);
        var shape = ShapeOf(File(_header, [(ChunkFlags.None, caller), (ChunkFlags.Secret, secret), (ChunkFlags.Secret, secret), (ChunkFlags.None, system), (ChunkFlags.Secret, secret)]), columns: 5);
        Assert.Equal(5, shape.Seconds);
        Assert.Equal([(1.0, 3.0), (4.0, 5.0)], shape.Secret);
        Assert.Equal([true, false, false, false, false], shape.Caller.Select(peak => peak > 200));
        Assert.Equal([false, false, false, true, false], shape.Heard.Select(peak => peak > 200));
        Assert.Equal(0, shape.Caller[1] + shape.Heard[1]);
    }

    [Fact]
    public void One_without_audio_has_a_shape_and_an_end()
    {
        var file = File(_header, []);
        Assert.Equal((0.0, RecordingCompleteness.Complete), (ShapeOf(file).Seconds, ShapeOf(file).End));
        using var stream = Play(file);
        Assert.Equal(WavHeader, stream.Length);
    }

    private byte[] Audio(int bytes)
    {
        var audio = new byte[bytes];
        _random.NextBytes(audio);
        return audio;
    }

    private static byte[] Sides(byte left, byte right) => [.. Enumerable.Range(0, RecordingCipher.MostAudio).Select(i => i % 2 == 0 ? left : right)];

    private static byte[] File(RecordingHeader header, IReadOnlyList<(ChunkFlags Flags, byte[] Audio)> chunks)
    {
        var file = new List<byte>(header.ToBytes());
        using var cipher = new RecordingCipher(s_key, header.ToBytes());
        var chunk = new byte[RecordingCipher.MostChunk];
        for (var i = 0; i < chunks.Count; i++) file.AddRange(chunk[..cipher.Seal((uint)i, chunks[i].Flags, chunks[i].Audio, chunk)]);
        file.AddRange(chunk[..cipher.Seal((uint)chunks.Count, ChunkFlags.Final, default, chunk)]);
        return [.. file];
    }

    private static RecordingChunks Chunks(byte[] file, byte[]? key = null)
    {
        Assert.Equal(RecordingRejection.None, RecordingChunks.Open(new MemoryStream(file), out var chunks));
        chunks!.Unlock(key ?? s_key);
        return chunks;
    }

    private static RecordingStream Play(byte[] file) => new(Chunks(file));

    private static RecordingShape ShapeOf(byte[] file, byte[]? key = null, int columns = 100)
    {
        using var chunks = Chunks(file, key);
        return RecordingShape.Of(chunks, columns);
    }
}
